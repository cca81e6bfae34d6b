/** Declares `sluice.dev/health-check`. How it combines with the others is decided in `combine-health-check.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';
import type { HealthCheckSettings } from './ingress-settings.ts';

const KINDS = ['http', 'https', 'tcp', 'grpc'] as const;

function parse(text: string): Parsed<NonNullable<HealthCheckSettings['kind']>> {
  const value = KINDS.find((kind) => kind === text.trim());
  return value === undefined ? { problem: `expected one of ${KINDS.join(', ')}` } : { value };
}

export const healthCheck: AnnotationSpec = defineAnnotation({
  key: 'health-check',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Switches active health checks on. `http` and `https` ask in HTTP/1.1, in the clear or over TLS; `tcp` only opens a connection; `grpc` calls `grpc.health.v1.Health/Check`. With `sluice.dev/health-check-path` alone, HTTP is asked over connections like those of requests.',
  example: 'grpc',
  parse,
  apply: (settings, value) => {
    settings.healthCheck.kind = value;
  },
});
