/** Declares `sluice.dev/health-check-unhealthy-after`. How it combines with the others is decided in `combine-health-check.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const healthCheckUnhealthyAfter: AnnotationSpec = defineAnnotation({
  key: 'health-check-unhealthy-after',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Failures in a row until an endpoint is taken out. Without it 3.',
  example: '2',
  parse: integer({ min: 1, max: 100 }),
  apply: (settings, value) => {
    settings.healthCheck.others.unhealthyAfter = value;
  },
});
