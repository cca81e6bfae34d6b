/** Compiles a `RequestMatch` to a function. Hot for routes whose canaries have one: nothing is allocated for the tests themselves. */
import { RE2JS } from 're2js';
import type { RequestMatch, ValueOrigin, ValueTest } from '../model/canary.ts';
import { IpNetworks } from '../model/ip-networks.ts';
import type { RequestFacts } from '../router/route-table.ts';
import { cookieValue } from './cookie-value.ts';

export type MatchFunction = (facts: RequestFacts, clientIp: string) => boolean;

/** @throws for patterns and networks that are not valid */
export function compileMatch(match: RequestMatch): MatchFunction {
  switch (match.kind) {
    case 'value':
      return compileValueTest(match);
    case 'method':
      return (facts) => match.methods.includes(facts.method);
    case 'source': {
      const networks = new IpNetworks(match.networks);
      return (_, clientIp) => networks.contains(clientIp);
    }
    case 'not': {
      const holds = compileMatch(match.term);
      return (facts, clientIp) => !holds(facts, clientIp);
    }
    default:
      return compileGroup(match.terms.map(compileMatch), match.kind === 'or');
  }
}

/** @param decisive what one term has to say to decide for all */
function compileGroup(terms: readonly MatchFunction[], decisive: boolean): MatchFunction {
  return (facts, clientIp) => {
    for (let at = 0; at < terms.length; at++) {
      if ((terms[at] as MatchFunction)(facts, clientIp) === decisive) return decisive;
    }
    return !decisive;
  };
}

function compileValueTest({ of, name, test, value: wanted }: ValueTest): MatchFunction {
  const accepts = compileTest(test, wanted);
  return (facts) => {
    const value = readValue(facts, of, name);
    return value !== null && accepts(value);
  };
}

function compileTest(test: ValueTest['test'], wanted: string): (value: string) => boolean {
  if (test === 'present') return () => true;
  if (test === 'exact') return (value) => value === wanted;
  if (test === 'prefix') return (value) => value.startsWith(wanted);
  const pattern = RE2JS.compile(wanted);
  return (value) => pattern.matcher(value).find();
}

/** Null where the request has none. */
export function readValue(
  facts: Pick<RequestFacts, 'header' | 'queryParameter'>,
  of: ValueOrigin,
  name: string,
): string | null {
  if (of === 'header') return facts.header(name);
  if (of === 'query') return facts.queryParameter(name);
  const cookies = facts.header('cookie');
  return cookies === null ? null : cookieValue(cookies, name);
}
