/** Declares `sluice.dev/health-check-port`. How it combines with the others is decided in `combine-health-check.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const healthCheckPort: AnnotationSpec = defineAnnotation({
  key: 'health-check-port',
  own: true,
  scope: 'upstream',
  risk: 'medium',
  doc: 'Port to probe, in place of the one requests go to. Such probes begin with no PROXY protocol header.',
  example: '8081',
  parse: integer({ min: 1, max: 65_535 }),
  apply: (settings, value) => {
    settings.healthCheck.others.port = value;
  },
});
