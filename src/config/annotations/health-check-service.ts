/** Declares `sluice.dev/health-check-service`. How it combines with the others is decided in `combine-health-check.ts`. */
import { GRPC_SERVICE_FORM, isGrpcService } from '../../model/health-check-values.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(raw: string): Parsed<string> {
  const value = raw.trim();
  return isGrpcService(value) ? { value } : { problem: `expected ${GRPC_SERVICE_FORM}` };
}

export const healthCheckService: AnnotationSpec = defineAnnotation({
  key: 'health-check-service',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'The gRPC service whose health is asked for. Without it the server as a whole.',
  example: 'shop.v1.Cart',
  parse,
  apply: (settings, value) => {
    settings.healthCheck.others.service = value;
  },
});
