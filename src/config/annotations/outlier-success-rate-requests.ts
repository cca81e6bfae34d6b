/** Declares `sluice.dev/outlier-success-rate-requests`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const outlierSuccessRateRequests: AnnotationSpec = defineAnnotation({
  key: 'outlier-success-rate-requests',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Requests in an interval, in each worker, below which that share is not judged. Without it 50.',
  example: '100',
  parse: integer({ min: 1, max: 1_000_000 }),
  apply: (settings, value) => {
    settings.passiveHealth.limits.successRateRequests = value;
  },
});
