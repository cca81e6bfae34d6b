/** Declares `sluice.dev/canary-window`. How the annotations of a release combine is decided in `combine-release.ts`. */
import { parseReleaseWindow } from '../../model/release-window.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';

export const canaryWindow: AnnotationSpec = defineAnnotation({
  key: 'canary-window',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'Days, hours and time zone in which a plan takes steps; what goes wrong is noticed at any time. The default is at any time.',
  example: 'Mon-Fri 09:00-17:00 Europe/Berlin',
  parse: parseReleaseWindow,
  otherwise: 'no step is taken',
  apply: (settings, value) => {
    settings.release.window = value;
  },
});
