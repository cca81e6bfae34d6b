/** Declares `sluice.dev/outlier-success-rate-gap`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const outlierSuccessRateGap: AnnotationSpec = defineAnnotation({
  key: 'outlier-success-rate-gap',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Percentage points that the share of requests an endpoint answers well may lie below that of the others; 0 = any number. Without it 30.',
  example: '20',
  parse: integer({ min: 0, max: 100 }),
  apply: (settings, value) => {
    settings.passiveHealth.limits.successRateGap = value;
  },
});
