/** Declares `sluice.dev/health-check-healthy-after`. How it combines with the others is decided in `combine-health-check.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const healthCheckHealthyAfter: AnnotationSpec = defineAnnotation({
  key: 'health-check-healthy-after',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Successes in a row until an endpoint is taken back. Without it 2.',
  example: '1',
  parse: integer({ min: 1, max: 100 }),
  apply: (settings, value) => {
    settings.healthCheck.others.healthyAfter = value;
  },
});
