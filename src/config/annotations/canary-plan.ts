/** Declares `sluice.dev/canary-plan`. What a canary gets by its plan is decided in `apply-release.ts`. */
import { parseReleasePlan } from '../../model/release-plan.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';

export const canaryPlan: AnnotationSpec = defineAnnotation({
  key: 'canary-plan',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'Steps by which the share of the canary grows: `PERCENT%/TIME`, the time it is held at least (`s`, `m`, `h`, `d`). The last step may go without and is then for good. Takes the place of `canary-weight`.',
  example: '5%/10m, 25%/10m, 50%/30m, 100%',
  parse: parseReleasePlan,
  otherwise: 'the canary gets no share',
  severity: 'rejected',
  apply: (settings, value) => {
    settings.release.plan = value;
  },
});
