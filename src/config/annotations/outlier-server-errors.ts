/** Declares `sluice.dev/outlier-server-errors`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const outlierServerErrors: AnnotationSpec = defineAnnotation({
  key: 'outlier-server-errors',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Failures in a row, answers with a status of 500 or above included, until an endpoint is ejected; 0 = never. Without it 5.',
  example: '10',
  parse: integer({ min: 0, max: 1_000 }),
  apply: (settings, value) => {
    settings.passiveHealth.limits.serverErrors = value;
  },
});
