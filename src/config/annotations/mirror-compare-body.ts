/** Declares `sluice.dev/mirror-compare-body`. How the annotations combine is decided in `combine-mirror.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const mirrorCompareBody: AnnotationSpec = defineAnnotation({
  key: 'mirror-compare-body',
  own: true,
  needs: 'mirror-compare',
  scope: 'location',
  risk: 'low',
  doc: 'Whether bodies are compared. Default: true.',
  example: 'false',
  parse: boolean,
  apply: (settings, value) => {
    settings.mirror.compareBody = value;
  },
});
