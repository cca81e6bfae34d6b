/** Declares `sluice.dev/health-check-server-name`. How it combines with the others is decided in `combine-health-check.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;
const MAX_LENGTH = 253;

function parse(text: string): Parsed<string> {
  const value = text.trim().toLowerCase();
  return value.length <= MAX_LENGTH && NAME.test(value) ? { value } : { problem: 'expected a host name' };
}

export const healthCheckServerName: AnnotationSpec = defineAnnotation({
  key: 'health-check-server-name',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'The name sent over TLS (SNI), and the one the certificate must hold. Without it as requests have it.',
  example: 'shop.internal',
  parse,
  apply: (settings, value) => {
    settings.healthCheck.others.serverName = value;
  },
});
