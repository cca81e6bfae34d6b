/** Declares `sluice.dev/canary-command`. How the annotations of a release combine is decided in `combine-release.ts`. */
import { parseReleaseCommand } from '../../model/release-command.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';

export const canaryCommand: AnnotationSpec = defineAnnotation({
  key: 'canary-command',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'What the release should do, as long as it is written: `pause`, `abort`, `promote` to the last step, or `promote N` to step N at least, counted from 1.',
  example: 'promote 3',
  parse: parseReleaseCommand,
  otherwise: 'no step is taken',
  apply: (settings, value) => {
    settings.release.command = value;
  },
});
