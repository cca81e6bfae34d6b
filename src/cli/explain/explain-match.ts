/** Says whether a request passes the tests of a canary, and by which facts. Written apart from the data plane's own version. */
import { RE2JS } from 're2js';
import type { RequestMatch, ValueTest } from '../../model/canary.ts';
import { IpNetworks } from '../../model/ip-networks.ts';
import type { SplitRequest } from './explain-split.ts';

export interface MatchFinding {
  readonly holds: boolean;
  /** The facts that decide, in words. */
  readonly text: string;
}

export function explainMatch(match: RequestMatch, request: SplitRequest): MatchFinding {
  switch (match.kind) {
    case 'value':
      return explainValue(match, request);
    case 'method': {
      const holds = match.methods.includes(request.method);
      return { holds, text: `method ${request.method} is ${holds ? '' : 'not '}${match.methods.join(' or ')}` };
    }
    case 'source': {
      const holds = new IpNetworks(match.networks).contains(request.clientIp);
      return { holds, text: `client ${request.clientIp} is ${holds ? '' : 'not '}in ${match.networks.join(' or ')}` };
    }
    case 'not': {
      const { holds, text } = explainMatch(match.term, request);
      return { holds: !holds, text };
    }
    default:
      return explainGroup(match.terms, match.kind === 'or', request);
  }
}

/** The first term that decides for all, else all of them. */
function explainGroup(terms: readonly RequestMatch[], decisive: boolean, request: SplitRequest): MatchFinding {
  const findings = terms.map((term) => explainMatch(term, request));
  const deciding = findings.find(({ holds }) => holds === decisive);
  return deciding ?? { holds: !decisive, text: findings.map(({ text }) => text).join(' and ') };
}

function explainValue({ of, name, test, value: wanted }: ValueTest, request: SplitRequest): MatchFinding {
  const value = readValue(of, name, request);
  if (value === null) return { holds: false, text: `${of} ${name} is absent` };
  if (test === 'present') return { holds: true, text: `${of} ${name} is present` };
  const holds = passes(test, wanted, value);
  return { holds, text: `${of} ${name}=${value} ${holds ? '' : 'not '}${WORDS[test]} "${wanted}"` };
}

const WORDS = { exact: 'equal to', prefix: 'beginning with', pattern: 'matching' } as const;

function passes(test: Exclude<ValueTest['test'], 'present'>, wanted: string, value: string): boolean {
  if (test === 'exact') return value === wanted;
  return test === 'prefix' ? value.startsWith(wanted) : findsPattern(wanted, value);
}

export function findsPattern(pattern: string, value: string): boolean {
  try {
    return RE2JS.compile(pattern).matcher(value).find();
  } catch {
    // A pattern that is not valid never matches.
    return false;
  }
}

function readValue(of: ValueTest['of'], name: string, request: SplitRequest): string | null {
  if (of === 'header') return request.header(name);
  return of === 'query' ? request.queryParameter(name) : readCookie(request.header('cookie') ?? '', name);
}

/** RFC 6265 §4.2.1; the first cookie of that name counts, names compare without case. */
export function readCookie(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1) continue;
    if (pair.slice(0, equals).trimStart().toLowerCase() === name.toLowerCase()) return pair.slice(equals + 1).trimEnd();
  }
  return null;
}
