/** Declares `sluice.dev/outlier-interval`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { duration } from './parsers.ts';

export const outlierInterval: AnnotationSpec = defineAnnotation({
  key: 'outlier-interval',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Time over which these shares are compared. Without it `10s`.',
  example: '30s',
  parse: duration(1_000, 3_600_000),
  apply: (settings, value) => {
    settings.passiveHealth.limits.intervalMs = value;
  },
});
