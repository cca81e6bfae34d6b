/** Declares `service-match`. What it does to a pair of backends is decided in `service-pair.ts`. */
import { RE2JS } from 're2js';
import type { RequestMatch, ValueTest } from '../../model/canary.ts';
import { findPatternFault } from '../request-pattern.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';
import type { ServiceMatch } from './ingress-settings.ts';

const MAX_LENGTH = 2_048;
const FORM = 'SERVICE: header("NAME", /PATTERN/), where header may be cookie or query, and /PATTERN/ may be "VALUE"';

/** One rule and the comma or line break behind it. No value holds a `)`, as it always was. */
const RULE =
  /\s*([^\s:,.()"]+)\s*:\s*(header|cookie|query)\(\s*"([^\s"()]{1,256})"\s*,\s*(?:\/([^)\n]*)\/|"([^")\n]*)")\s*\)[ \t]*(?:[,\n]|$)/y;

function parse(text: string): Parsed<readonly ServiceMatch[]> {
  if (text.length > MAX_LENGTH) return { problem: `expected at most ${MAX_LENGTH} characters` };
  const rules: ServiceMatch[] = [];
  const written = text.trim();
  for (let at = 0; at < written.length; at = RULE.lastIndex) {
    RULE.lastIndex = at;
    const found = RULE.exec(written);
    if (found === null) return { problem: `expected ${FORM} at column ${at + 1}` };
    const [, service = '', of = '', name = '', pattern, value = ''] = found;
    const fault = pattern === undefined ? null : findPatternFault(pattern);
    if (fault !== null) return { problem: `pattern /${pattern}/ cannot be used (${fault})` };
    const test = { test: pattern === undefined ? 'exact' : 'pattern', value: pattern ?? value } as const;
    rules.push({ service, match: toMatch(of, name, test) });
  }
  return { value: rules };
}

function toMatch(of: string, name: string, test: Pick<ValueTest, 'test' | 'value'>): RequestMatch {
  const match = { kind: 'value', ...toOrigin(of, name), ...test } as const;
  // What is absent counts as empty in these rules.
  if (!acceptsEmpty(test)) return match;
  return { kind: 'or', terms: [match, { kind: 'not', term: { ...match, test: 'present', value: '' } }] };
}

function acceptsEmpty({ test, value }: Pick<ValueTest, 'test' | 'value'>): boolean {
  return test === 'exact' ? value === '' : RE2JS.compile(value).matcher('').find();
}

function toOrigin(of: string, name: string): Pick<ValueTest, 'of' | 'name'> {
  if (of === 'header') return { of, name: name.toLowerCase().replaceAll('_', '-') };
  return { of: of === 'cookie' ? 'cookie' : 'query', name };
}

export const serviceMatch: AnnotationSpec = defineAnnotation({
  key: 'service-match',
  scope: 'location',
  risk: 'medium',
  doc: 'Which requests may reach one of two backends that this Ingress lists for the same path: `SERVICE: header("NAME", /PATTERN/)`, also `cookie` and `query`, and `"VALUE"` for the whole value; several rules are separated by commas. All other requests go to the other backend; `service-weight` divides those that match. A backend without endpoints is replaced by the other one.',
  example: 'shop-next: header("X-Team", /^blue$/)',
  parse,
  apply: (settings, value) => {
    settings.pair.matches = value;
  },
});
