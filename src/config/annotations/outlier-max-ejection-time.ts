/** Declares `sluice.dev/outlier-max-ejection-time`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { duration } from './parsers.ts';

export const outlierMaxEjectionTime: AnnotationSpec = defineAnnotation({
  key: 'outlier-max-ejection-time',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Longest time of one ejection. Without it `5m`.',
  example: '1m',
  parse: duration(100, 86_400_000),
  apply: (settings, value) => {
    settings.passiveHealth.limits.maxEjectionMs = value;
  },
});
