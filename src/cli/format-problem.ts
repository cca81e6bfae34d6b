/** A problem as one line, as compilers write them, so that editors and pipelines find the place. */
import { escapeText } from '../log/escape-text.ts';
import { formatRef } from '../model/object-ref.ts';
import type { Problem } from '../model/problem.ts';

const FILE_KINDS = new Set(['File', 'StaticConfig']);

/** `file:line:column: rejected code: message (Ingress shop/web, spec.rules[0].host)`. */
export function formatProblem(problem: Problem): string {
  const { location, severity, code, message, source, field } = problem;
  const place = location === null ? '' : `${location.file}:${location.line}:${location.column}: `;
  // An object that is a file is named by the place already.
  const object = FILE_KINDS.has(source.kind) ? [] : [formatRef(source)];
  const where = [...object, ...(field === '' ? [] : [field])].join(', ');
  return escapeText(`${place}${severity} ${code}: ${message}${where === '' ? '' : ` (${where})`}`);
}
