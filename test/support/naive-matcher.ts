/** What `RouteTable.match` must return, written for the eye: filter, sort, take the first. */
import { RE2JS } from 're2js';
import type { PathMatch, RouteConditions, ValueMatch } from '../../src/model/proxy-config.ts';
import type { RouteRule } from '../../src/router/build-route-table.ts';
import type { RequestFacts } from '../../src/router/route-table.ts';

export function naiveMatch<T>(
  rules: readonly RouteRule<T>[],
  host: string,
  path: string,
  facts: RequestFacts,
): T | null {
  const label = /^[\w-]+(?=\.)/.exec(host)?.[0] ?? '';
  const hosts = host.startsWith('*') ? [] : [host, label === '' ? '' : `*${host.slice(label.length)}`];
  const known = hosts.find((one) => one !== '' && rules.some((rule) => rule.host === one));
  const found = rules
    .filter((rule) => rule.host === (known ?? '') && takes(rule.path, path) && holds(rule.conditions, facts))
    .toSorted((a, b) => strength(b.path, path) - strength(a.path, path))[0];
  return found === undefined ? null : found.payload;
}

function takes({ kind, value }: PathMatch, path: string): boolean {
  if (kind === 'exact') return path === value;
  if (kind === 'regex') return RE2JS.matches(value, path);
  return value === '/' || `${path}/`.startsWith(value.endsWith('/') ? value : `${value}/`);
}

/** Exact, then regex, then prefix; longer before shorter; of `/foo` and `/foo/`, the latter only below its own path. */
function strength({ kind, value }: PathMatch, path: string): number {
  if (kind === 'exact') return 2e6;
  if (kind === 'regex') return 1e6 + value.length;
  return value === `${path}/` ? path.length - 0.5 : value.length;
}

function holds(conditions: RouteConditions | null, facts: RequestFacts): boolean {
  return (
    conditions === null ||
    ((conditions.method === null || conditions.method === facts.method) &&
      conditions.headers.every((one) => accepts(one, facts.header(one.name))) &&
      conditions.query.every((one) => accepts(one, facts.queryParameter(one.name))))
  );
}

function accepts({ kind, value: wanted }: ValueMatch, value: string | null): boolean {
  if (value === null || kind === 'present') return value !== null;
  return kind === 'exact' ? value === wanted : RE2JS.matches(wanted, value);
}
