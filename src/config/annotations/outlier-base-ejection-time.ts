/** Declares `sluice.dev/outlier-base-ejection-time`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { duration } from './parsers.ts';

export const outlierBaseEjectionTime: AnnotationSpec = defineAnnotation({
  key: 'outlier-base-ejection-time',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'How long an endpoint is ejected the first time; each time it fails again, twice as long. Without it `10s`.',
  example: '5s',
  parse: duration(100, 3_600_000),
  apply: (settings, value) => {
    settings.passiveHealth.limits.baseEjectionMs = value;
  },
});
