/** Declares `sluice.dev/health-check-headers`. How it combines with the others is decided in `combine-health-check.ts`. */
import type { HealthCheckHeader } from '../../model/health-check.ts';
import { findProbeHeaderFault, MAX_PROBE_HEADERS, toProbeHeader } from '../../model/health-check-values.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<readonly HealthCheckHeader[]> {
  const headers: HealthCheckHeader[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    if (colon === -1) return { problem: 'expected lines like `Name: value`' };
    const name = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    const fault = findProbeHeaderFault(name, value);
    if (fault !== '') return { problem: fault };
    if (headers.push(toProbeHeader(name, value)) > MAX_PROBE_HEADERS) {
      return { problem: `expected at most ${MAX_PROBE_HEADERS} headers` };
    }
  }
  return { value: headers };
}

export const healthCheckHeaders: AnnotationSpec = defineAnnotation({
  key: 'health-check-headers',
  own: true,
  scope: 'upstream',
  risk: 'medium',
  doc: 'Further headers of the request, one `Name: value` a line.',
  example: 'X-Probe: sluice',
  parse,
  apply: (settings, value) => {
    settings.healthCheck.others.headers = value;
  },
});
