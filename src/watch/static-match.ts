/** `match` of a canary in the static configuration file: its shape, what is wrong with it, and what it becomes. */
import { z } from 'zod';
import type { RequestMatch, ValueTest } from '../model/canary.ts';
import { IP_NETWORK_FORM, isIpNetwork } from '../model/ip-networks.ts';
import { isRecord, type JsonRecord } from './narrow-object.ts';
import { map, matching, passing, pattern, text } from './static-schema-parts.ts';

/** Every request of the route may have to pass them all. */
const MAX_ALTERNATIVES = 16;
const MAX_TESTS = 16;
const MAX_ITEMS = 64;

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const METHOD = /^[A-Z][A-Z-]{0,31}$/;
const SUBJECTS = ['header', 'cookie', 'query', 'method', 'source'] as const;
const COMPARISONS = ['value', 'prefix', 'pattern'] as const;

export interface MatchEntry {
  readonly all: readonly TestEntry[];
}

export interface TestEntry {
  readonly header?: string | undefined;
  readonly cookie?: string | undefined;
  readonly query?: string | undefined;
  readonly method?: readonly string[] | undefined;
  readonly source?: readonly string[] | undefined;
  readonly value?: string | undefined;
  readonly prefix?: string | undefined;
  readonly pattern?: string | undefined;
  readonly not?: boolean | undefined;
}

const list = (item: z.ZodString, form: string): z.ZodArray<z.ZodString> =>
  z
    .array(item, { error: form })
    .min(1, { error: form })
    .max(MAX_ITEMS, { error: `${form}, at most ${MAX_ITEMS}` });

const test = map({
  header: matching(NAME, 'the name of a header').optional().describe('Name of a header that must be there.'),
  cookie: matching(NAME, 'the name of a cookie').optional().describe('Name of a cookie that must be there.'),
  query: text('the name of a query parameter').optional().describe('Name of a query parameter that must be there.'),
  method: list(matching(METHOD, 'a method such as `GET`'), 'a list of methods')
    .optional()
    .describe('The method must be one of these.'),
  source: list(passing(isIpNetwork, IP_NETWORK_FORM), 'a list of IP networks')
    .optional()
    .describe('The client must be in one of these networks.'),
  value: text('a text').optional().describe('The whole value that the header, cookie or parameter must have.'),
  prefix: text('a text').optional().describe('What the value must begin with.'),
  pattern: pattern().optional().describe('Regular expression (RE2) that is searched in the value.'),
  not: z.boolean({ error: 'true or false' }).optional().describe('True: the test must fail. Default: false.'),
});

export const matchSchema: z.ZodType<readonly MatchEntry[]> = z
  .array(
    map({
      all: z
        .array(test, { error: 'a list of tests' })
        .min(1, { error: 'at least one test' })
        .max(MAX_TESTS, { error: `at most ${MAX_TESTS} tests` })
        .describe('Tests that must all hold, each of exactly one thing.'),
    }),
    { error: 'a list' },
  )
  .min(1, { error: 'at least one alternative' })
  .max(MAX_ALTERNATIVES, { error: `at most ${MAX_ALTERNATIVES} alternatives` });

/** What the schema does not say of a test: one subject, and one comparison where the subject has a value. */
export function findTestFault(entry: JsonRecord): string | null {
  const subjects = SUBJECTS.filter((key) => entry[key] !== undefined);
  if (subjects.length !== 1) {
    const found = subjects.length === 0 ? 'has none of them' : `has ${subjects.join(' and ')}`;
    return `${found}; expected exactly one of ${SUBJECTS.join(', ')}`;
  }
  const comparisons = COMPARISONS.filter((key) => entry[key] !== undefined);
  if (comparisons.length > 1) return `has ${comparisons.join(' and ')}; expected at most one of them`;
  const hasValue = subjects[0] !== 'method' && subjects[0] !== 'source';
  return comparisons.length === 0 || hasValue ? null : `has ${comparisons[0]} beside ${subjects[0]}, which takes none`;
}

/** The tests of a `match` that are maps, with their places. */
export function* testsOf(match: unknown): Generator<readonly [place: string, test: JsonRecord]> {
  if (!Array.isArray(match)) return;
  for (const [at, alternative] of match.entries()) {
    const tests: unknown = isRecord(alternative) ? alternative['all'] : null;
    if (!Array.isArray(tests)) continue;
    for (const [place, entry] of tests.entries()) if (isRecord(entry)) yield [`[${at}].all[${place}]`, entry];
  }
}

export function toMatch(entries: readonly MatchEntry[]): RequestMatch {
  return joined(
    'or',
    entries.map(({ all }) => joined('and', all.map(toTest))),
  );
}

function joined(kind: 'and' | 'or', terms: readonly RequestMatch[]): RequestMatch {
  const [first] = terms;
  return terms.length === 1 && first !== undefined ? first : { kind, terms };
}

function toTest(entry: TestEntry): RequestMatch {
  const term = toPositiveTest(entry);
  return entry.not === true ? { kind: 'not', term } : term;
}

function toPositiveTest(entry: TestEntry): RequestMatch {
  const { header, cookie, query, method, source } = entry;
  if (method !== undefined) return { kind: 'method', methods: method };
  if (source !== undefined) return { kind: 'source', networks: source };
  const comparison = toComparison(entry);
  if (header !== undefined) return { kind: 'value', of: 'header', name: header.toLowerCase(), ...comparison };
  if (cookie !== undefined) return { kind: 'value', of: 'cookie', name: cookie, ...comparison };
  return { kind: 'value', of: 'query', name: query ?? '', ...comparison };
}

function toComparison({ value, prefix, pattern: wanted }: TestEntry): Pick<ValueTest, 'test' | 'value'> {
  if (value !== undefined) return { test: 'exact', value };
  if (prefix !== undefined) return { test: 'prefix', value: prefix };
  return wanted === undefined ? { test: 'present', value: '' } : { test: 'pattern', value: wanted };
}
