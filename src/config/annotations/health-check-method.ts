/** Declares `sluice.dev/health-check-method`. How it combines with the others is decided in `combine-health-check.ts`. */
import { HEALTH_CHECK_METHODS, type HealthCheckMethod } from '../../model/health-check.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<HealthCheckMethod> {
  const value = HEALTH_CHECK_METHODS.find((method) => method === text.trim());
  return value === undefined ? { problem: `expected one of ${HEALTH_CHECK_METHODS.join(', ')}` } : { value };
}

export const healthCheckMethod: AnnotationSpec = defineAnnotation({
  key: 'health-check-method',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Method of the request: `GET`, `HEAD`, `OPTIONS` or `POST` (without a body).',
  example: 'HEAD',
  parse,
  apply: (settings, value) => {
    settings.healthCheck.others.method = value;
  },
});
