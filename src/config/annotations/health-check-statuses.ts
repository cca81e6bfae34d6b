/** Declares `sluice.dev/health-check-statuses`. How it combines with the others is decided in `combine-health-check.ts`. */
import type { StatusRange } from '../../model/health-check.ts';
import { parseStatuses, STATUSES_FORM } from '../../model/health-check-values.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<readonly StatusRange[]> {
  const value = parseStatuses(text);
  return value === null ? { problem: `expected ${STATUSES_FORM}` } : { value };
}

export const healthCheckStatuses: AnnotationSpec = defineAnnotation({
  key: 'health-check-statuses',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Statuses that count as success. Without it `200-399`.',
  example: '200-299,404',
  parse,
  apply: (settings, value) => {
    settings.healthCheck.others.statuses = value;
  },
});
