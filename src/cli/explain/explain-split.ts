/**
 * Walks through the split of a route for one request and says what each rule decides: the session of the client, then
 * headers of all canaries in order, then cookies, then weights. Written for reading, apart from the data plane's own version; a test holds them together.
 */
import { RE2JS } from 're2js';
import type { CanaryConfig, CanaryHeaderMatch, SplitConfig, UpstreamId } from '../../model/proxy-config.ts';

/** `main`, `canary`: decided for it. `opt-out`: no rule may choose this upstream any more. `next`: the next rule decides. */
export type StepVerdict = 'main' | 'canary' | 'opt-out' | 'next';

export interface SplitStep {
  readonly rule: 'session' | 'endpoints' | 'header' | 'cookie' | 'weight';
  /** Null for a step about the main traffic. */
  readonly canary: CanaryConfig | null;
  readonly upstream: UpstreamId;
  readonly verdict: StepVerdict;
  readonly text: string;
}

/** Where such requests go. */
export interface SplitShare {
  readonly upstream: UpstreamId;
  readonly canary: boolean;
  /** More than 0, at most 1; all shares are 1 together. */
  readonly probability: number;
  /** False: nobody to send it to, answered 503. */
  readonly hasEndpoints: boolean;
}

export interface SplitExplanation {
  readonly steps: readonly SplitStep[];
  readonly shares: readonly SplitShare[];
}

const SESSION_TEXT = 'the session of the client is with it, so no rule is asked';

export interface SplitRequest {
  header(lowerCaseName: string): string | null;
}

export function explainSplit(
  split: SplitConfig,
  request: SplitRequest,
  hasEndpoints: (upstream: UpstreamId) => boolean,
  /** The upstream the client's session is with; null = none. */
  belongsTo: UpstreamId | null = null,
): SplitExplanation {
  const isKept = belongsTo !== null && hasEndpoints(belongsTo);
  if (isKept && split.members.some(({ upstream }) => upstream === belongsTo)) {
    const step = { rule: 'session', canary: null, upstream: belongsTo, verdict: 'main', text: SESSION_TEXT } as const;
    return { steps: [step], shares: [{ upstream: belongsTo, canary: false, probability: 1, hasEndpoints: true }] };
  }
  const mains = mainShares(split, hasEndpoints);
  const steps: SplitStep[] = [];
  for (const main of mains) {
    if (main.hasEndpoints || split.canaries.length === 0) continue;
    const text = 'no endpoints, so no canary is consulted: 503';
    steps.push({ rule: 'endpoints', canary: null, upstream: main.upstream, verdict: 'next', text });
  }
  if (mains.every((main) => !main.hasEndpoints)) return { steps, shares: mains };
  const shares = new Map<string, SplitShare>();
  const kept = isKept ? split.canaries.find(({ sticky, upstream }) => sticky && upstream === belongsTo) : undefined;
  const canaries =
    kept === undefined ? explainCanaries(split.canaries, request, hasEndpoints, steps) : keepCanary(kept, steps);
  const canaryTotal = canaries.reduce((sum, { probability }) => sum + probability, 0);
  for (const main of mains) {
    if (!main.hasEndpoints) {
      addShare(shares, main, 1);
      continue;
    }
    addShare(shares, main, 1 - canaryTotal);
    for (const canary of canaries) addShare(shares, canary, main.probability);
  }
  return { steps, shares: [...shares.values()] };
}

function keepCanary(canary: CanaryConfig, steps: SplitStep[]): readonly SplitShare[] {
  const { upstream } = canary;
  steps.push({ rule: 'session', canary, upstream, verdict: 'canary', text: SESSION_TEXT });
  return [{ upstream, canary: true, probability: 1, hasEndpoints: true }];
}

function mainShares({ members }: SplitConfig, hasEndpoints: (upstream: UpstreamId) => boolean): readonly SplitShare[] {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  return members
    .map(({ upstream, weight }, at) => ({
      upstream,
      canary: false,
      probability: total === 0 ? Number(at === 0) : weight / total,
      hasEndpoints: hasEndpoints(upstream),
    }))
    .filter(({ probability }) => probability > 0);
}

function addShare(shares: Map<string, SplitShare>, share: SplitShare, factor: number): void {
  const key = `${share.canary} ${share.upstream}`;
  const probability = (shares.get(key)?.probability ?? 0) + share.probability * factor;
  if (probability > 0) shares.set(key, { ...share, probability });
}

/** The shares of the canaries; what is left to 1 goes to the main traffic. */
function explainCanaries(
  canaries: readonly CanaryConfig[],
  request: SplitRequest,
  hasEndpoints: (upstream: UpstreamId) => boolean,
  steps: SplitStep[],
): readonly SplitShare[] {
  const optedOut = new Set<UpstreamId>();
  const empty = new Set(canaries.map(({ upstream }) => upstream).filter((upstream) => !hasEndpoints(upstream)));
  for (const upstream of empty) {
    const text = 'no endpoints, so its rules choose nobody and its share stays with the main traffic';
    steps.push({ rule: 'endpoints', canary: null, upstream, verdict: 'next', text });
  }
  for (const rule of ['header', 'cookie'] as const) {
    for (const canary of canaries) {
      const judged = rule === 'header' ? judgeHeader(canary.header, request) : judgeCookie(canary.cookie, request);
      if (judged === null || empty.has(canary.upstream)) continue;
      const out = optedOut.has(canary.upstream);
      const step = { rule, canary, upstream: canary.upstream };
      if (out) {
        steps.push({ ...step, verdict: 'next', text: `${judged.text}; not counted after "never"` });
        continue;
      }
      steps.push({ ...step, ...judged });
      if (judged.verdict === 'canary') {
        return [{ upstream: canary.upstream, canary: true, probability: 1, hasEndpoints: true }];
      }
      if (judged.verdict === 'opt-out') optedOut.add(canary.upstream);
    }
  }
  return explainWeights(canaries, (upstream) => empty.has(upstream) || optedOut.has(upstream), steps);
}

/** Each canary has its own stretch of one scale from 0 to 1; what lies beyond 1 is out of reach. */
function explainWeights(
  canaries: readonly CanaryConfig[],
  isExcluded: (upstream: UpstreamId) => boolean,
  steps: SplitStep[],
): readonly SplitShare[] {
  const shares: SplitShare[] = [];
  let upTo = 0;
  for (const canary of canaries) {
    if (canary.weight <= 0) continue;
    const from = Math.min(1, upTo);
    upTo += canary.weight / canary.weightTotal;
    const probability = Math.min(1, upTo) - from;
    const weight = `weight ${canary.weight} of ${canary.weightTotal}`;
    const step = { rule: 'weight', canary, upstream: canary.upstream, verdict: 'next' } as const;
    if (isExcluded(canary.upstream)) steps.push({ ...step, text: `${weight}, which stays with the main traffic` });
    else if (probability <= 0)
      steps.push({ ...step, text: `${weight}, out of reach: earlier canaries take everything` });
    else {
      steps.push({ ...step, text: `${weight}: takes ${formatPercent(probability)} of such requests` });
      shares.push({ upstream: canary.upstream, canary: true, probability, hasEndpoints: true });
    }
  }
  return shares;
}

export function formatPercent(probability: number): string {
  return `${Math.round(probability * 10_000) / 100} %`;
}

interface Judgement {
  readonly verdict: StepVerdict;
  readonly text: string;
}

/** Null when the canary has no such rule. */
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

function findsPattern(pattern: string, value: string): boolean {
  try {
    return RE2JS.compile(pattern).matcher(value).find();
  } catch {
    // A pattern that is not valid never matches.
    return false;
  }
}

/** RFC 6265 §4.2.1; the first cookie of that name counts, names compare without case. */
function readCookie(header: string, name: string): string | null {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1) continue;
    if (pair.slice(0, equals).trimStart().toLowerCase() === name.toLowerCase()) return pair.slice(equals + 1).trimEnd();
  }
  return null;
}
