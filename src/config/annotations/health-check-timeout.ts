/** Declares `sluice.dev/health-check-timeout`. How it combines with the others is decided in `combine-health-check.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { duration } from './parsers.ts';

const MIN_MS = 10;
/** Endpoints that do not answer hold a place among the probes in flight that long. */
const MAX_MS = 30_000;

export const healthCheckTimeout: AnnotationSpec = defineAnnotation({
  key: 'health-check-timeout',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Longest wait for an answer, at most the interval and `30s`. Without it `1s`.',
  example: '500ms',
  parse: duration(MIN_MS, MAX_MS),
  apply: (settings, value) => {
    settings.healthCheck.others.timeoutMs = value;
  },
});
