/** Declares `sluice.dev/health-check-host`. How it combines with the others is decided in `combine-health-check.ts`. */
import { isProbeHost, PROBE_HOST_FORM } from '../../model/health-check-values.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(raw: string): Parsed<string> {
  const value = raw.trim();
  return isProbeHost(value) ? { value } : { problem: `expected ${PROBE_HOST_FORM}` };
}

export const healthCheckHost: AnnotationSpec = defineAnnotation({
  key: 'health-check-host',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: '`Host` of the request. Without it the address that is probed.',
  example: 'shop.example',
  parse,
  apply: (settings, value) => {
    settings.healthCheck.others.host = value;
  },
});
