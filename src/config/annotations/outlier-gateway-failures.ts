/** Declares `sluice.dev/outlier-gateway-failures`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const outlierGatewayFailures: AnnotationSpec = defineAnnotation({
  key: 'outlier-gateway-failures',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Attempts in a row without an answer (no connection, silence, a connection that broke) until an endpoint is ejected; 0 = never. Without it 5.',
  example: '3',
  parse: integer({ min: 0, max: 1_000 }),
  apply: (settings, value) => {
    settings.passiveHealth.limits.gatewayFailures = value;
  },
});
