/** What one rule of a canary says of a request, in words. */
import type { CanaryConfig, CanaryHeaderMatch } from '../../model/canary.ts';
import { explainMatch, findsPattern, readCookie } from './explain-match.ts';
import type { SplitRequest, StepVerdict } from './explain-split.ts';

/** In the order in which they are asked, each over all canaries. */
export const RULES = ['header', 'cookie', 'match'] as const;

export interface Judgement {
  readonly verdict: StepVerdict;
  readonly text: string;
}

/** Null when the canary has no such rule. */
export function judgeCanary(
  canary: CanaryConfig,
  rule: (typeof RULES)[number],
  request: SplitRequest,
): Judgement | null {
  if (rule === 'header') return judgeHeader(canary.header, request);
  if (rule === 'cookie') return judgeCookie(canary.cookie, request);
  if (canary.match === undefined) return null;
  const { holds, text } = explainMatch(canary.match, request);
  return { verdict: holds ? 'canary' : 'next', text: `match ${holds ? 'holds' : 'does not hold'}: ${text}` };
}

function judgeHeader(rule: CanaryHeaderMatch | null, request: SplitRequest): Judgement | null {
  if (rule === null) return null;
  const value = request.header(rule.name);
  if (value === null) return { verdict: 'next', text: `header ${rule.name} is absent` };
  const given = `header ${rule.name}=${value}`;
  if (rule.kind === 'word') return judgeWord(given, value);
  const matches = rule.kind === 'exact' ? value === rule.value : findsPattern(rule.value, value);
  const wanted = rule.kind === 'exact' ? `"${rule.value}"` : `the pattern ${rule.value}`;
  return matches
    ? { verdict: 'canary', text: `${given} matches ${wanted}` }
    : { verdict: 'next', text: `${given} does not match ${wanted}` };
}

function judgeCookie(name: string | null, request: SplitRequest): Judgement | null {
  if (name === null) return null;
  const value = readCookie(request.header('cookie') ?? '', name);
  return value === null
    ? { verdict: 'next', text: `cookie ${name} is absent` }
    : judgeWord(`cookie ${name}=${value}`, value);
}

function judgeWord(given: string, value: string): Judgement {
  if (value === 'always') return { verdict: 'canary', text: given };
  if (value === 'never') return { verdict: 'opt-out', text: `${given}: never this upstream` };
  return { verdict: 'next', text: `${given} is neither "always" nor "never"` };
}
