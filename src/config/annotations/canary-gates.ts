/** Declares `sluice.dev/canary-gates`. How the annotations of a release combine is decided in `combine-release.ts`. */
import { parseReleaseGates } from '../../model/release-gates.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';

export const canaryGates: AnnotationSpec = defineAnnotation({
  key: 'canary-gates',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'How much worse than stable the canary of a plan may be: `errors <= +1%` (percentage points), `p50`, `p95`, `p99 <= 1.5x`, `failures <= 50` in all, and how many `requests >= 100` a step needs. `any` as a value asks nothing, `none` alone asks nothing at all. What is not named keeps its default, which is `errors <= +1%, requests >= 100`.',
  example: 'errors <= +0.5%, p95 <= 1.5x, requests >= 500',
  parse: parseReleaseGates,
  otherwise: 'no step is taken',
  apply: (settings, value) => {
    settings.release.gates = value;
  },
});
