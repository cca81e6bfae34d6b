/** Declares `sluice.dev/slow-start`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { duration } from './parsers.ts';

export const slowStart: AnnotationSpec = defineAnnotation({
  key: 'slow-start',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Time until a new or returning endpoint has its full share of the requests. Not for `ring-hash` and `maglev`. Without it the share is full at once.',
  example: '30s',
  parse: duration(1_000, 3_600_000),
  apply: (settings, value) => {
    settings.passiveHealth.slowStartMs = value;
  },
});
