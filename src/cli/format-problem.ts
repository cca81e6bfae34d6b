/** A problem as one line, as compilers write them, so that editors and pipelines find the place. */
import { escapeText } from '../log/escape-text.ts';
import { formatRef } from '../model/object-ref.ts';
import type { Problem } from '../model/problem.ts';

/** `file:line:column: rejected code: message (Ingress shop/web, spec.rules[0].host)`. */
export function formatProblem(problem: Problem): string {
  const { location, severity, code, message, source, field } = problem;
  const place = location === null ? '' : `${location.file}:${location.line}:${location.column}: `;
  // The object of a static file is the file, which the place names already.
  const object = source.kind === 'StaticConfig' ? [] : [formatRef(source)];
  const where = [...object, ...(field === '' ? [] : [field])].join(', ');
  return escapeText(`${place}${severity} ${code}: ${message}${where === '' ? '' : ` (${where})`}`);
}
