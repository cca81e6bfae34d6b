/** Declares `sluice.dev/health-check-unhealthy-interval`. How it combines with the others is decided in `combine-health-check.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { duration } from './parsers.ts';

/** Shorter ones would let an Ingress spend the time of the control plane. */
const MIN_MS = 1_000;
const MAX_MS = 3_600_000;

export const healthCheckUnhealthyInterval: AnnotationSpec = defineAnnotation({
  key: 'health-check-unhealthy-interval',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Time between two checks while they fail or the endpoint is out, at least `1s`. Without it the interval.',
  example: '1s',
  parse: duration(MIN_MS, MAX_MS),
  apply: (settings, value) => {
    settings.healthCheck.others.unhealthyIntervalMs = value;
  },
});
