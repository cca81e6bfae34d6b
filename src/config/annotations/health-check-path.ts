/** Declares `sluice.dev/health-check-path`. How it combines with the others is decided in `combine-health-check.ts`. */
import { isProbePath, PROBE_PATH_FORM } from '../../model/health-check-values.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(raw: string): Parsed<string> {
  const value = raw.trim();
  return isProbePath(value) ? { value } : { problem: `expected ${PROBE_PATH_FORM}` };
}

export const healthCheckPath: AnnotationSpec = defineAnnotation({
  key: 'health-check-path',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Switches active health checks on, and is the path of the request. Without it `/`.',
  example: '/healthz',
  parse,
  apply: (settings, value) => {
    settings.healthCheck.path = value;
  },
});
