/** Declares `sluice.dev/health-check-interval`. How it combines with the others is decided in `combine-health-check.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { duration } from './parsers.ts';

/** Shorter ones would let an Ingress spend the time of the control plane. */
const MIN_MS = 1_000;
const MAX_MS = 3_600_000;

export const healthCheckInterval: AnnotationSpec = defineAnnotation({
  key: 'health-check-interval',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Time between two checks, at least `1s`. Without it `5s`.',
  example: '2s',
  parse: duration(MIN_MS, MAX_MS),
  apply: (settings, value) => {
    settings.healthCheck.others.intervalMs = value;
  },
});
