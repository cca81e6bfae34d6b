/**
 * Walks through the split of a route for one request and says what each rule decides: the session of the client, then
 * headers of all canaries in order, then cookies, then matches, then weights. Written for reading, apart from the data
 * plane's own version; a test holds them together. Only buckets are computed by its code.
 */
import { BucketReader, NO_BUCKET } from '../../live/bucket-reader.ts';
import { BUCKET_COUNT, type CanaryConfig, formatBucketKey } from '../../model/canary.ts';
import type { SplitConfig, UpstreamId } from '../../model/proxy-config.ts';
import type { RequestFacts } from '../../router/route-table.ts';
import { explainMatch, readCookie } from './explain-match.ts';
import { explainRelease, explainShare } from './explain-release.ts';
import { judgeCanary, RULES } from './explain-rules.ts';

/** `main`, `canary`: decided for it. `opt-out`: no rule may choose this upstream any more. `next`: the next rule decides. */
export type StepVerdict = 'main' | 'canary' | 'opt-out' | 'next';

export interface SplitStep {
  readonly rule:
    | 'session'
    | 'endpoints'
    | 'release'
    | 'gate'
    | 'header'
    | 'cookie'
    | 'match'
    | 'lane'
    | 'bucket'
    | 'weight';
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
  /** Takes over where it fails, as far as a request may be sent again; null = nobody of the split. */
  readonly fallback: UpstreamId | null;
  /** That the requests carry on; null = none. */
  readonly lane: string | null;
}

export interface SplitExplanation {
  readonly steps: readonly SplitStep[];
  readonly shares: readonly SplitShare[];
  /** Where the user stands on the scale of the canaries; null = weights go by chance, or are not asked. */
  readonly bucket: number | null;
}

const SESSION_TEXT = 'the session of the client is with it, so no rule is asked';
const NOT_FIRST_TEXT = 'the session of the client is with it, and no rule that comes before sessions decided';

export interface SplitRequest extends RequestFacts {
  readonly clientIp: string;
}

export function explainSplit(
  split: SplitConfig,
  request: SplitRequest,
  hasEndpoints: (upstream: UpstreamId) => boolean,
  /** The upstream the client's session is with; null = none. */
  belongsTo: UpstreamId | null = null,
): SplitExplanation {
  const walk = new SplitWalk(split, request, hasEndpoints);
  const shares = walk.explain(belongsTo !== null && hasEndpoints(belongsTo) ? belongsTo : null);
  return { steps: walk.steps, shares, bucket: walk.bucket };
}

class SplitWalk {
  readonly steps: SplitStep[] = [];
  bucket: number | null = null;
  readonly #split: SplitConfig;
  readonly #request: SplitRequest;
  readonly #hasEndpoints: (upstream: UpstreamId) => boolean;
  readonly #optedOut = new Set<UpstreamId>();

  constructor(split: SplitConfig, request: SplitRequest, hasEndpoints: (upstream: UpstreamId) => boolean) {
    this.#split = split;
    this.#request = request;
    this.#hasEndpoints = hasEndpoints;
  }

  explain(belongsTo: UpstreamId | null): readonly SplitShare[] {
    const { members, canaries } = this.#split;
    const first = canaries.filter(({ rulesFirst }) => rulesFirst);
    const text = first.length === 0 ? SESSION_TEXT : NOT_FIRST_TEXT;
    if (belongsTo !== null && members.some(({ upstream }) => upstream === belongsTo)) {
      const taken = this.#explainRules(first);
      if (taken !== null) return [this.#toWhole(taken, true)];
      this.steps.push({ rule: 'session', canary: null, upstream: belongsTo, verdict: 'main', text });
      return [
        {
          upstream: belongsTo,
          canary: false,
          probability: 1,
          hasEndpoints: true,
          ...laneOf(this.#split, belongsTo),
          fallback: null,
        },
      ];
    }
    const mains = mainShares(this.#split, this.#hasEndpoints);
    const standIn = canaries.find((canary) => canary.standsIn === true && this.#hasEndpoints(canary.upstream));
    for (const main of mains) {
      if (!main.hasEndpoints && canaries.length > 0) this.#explainOutage(main.upstream, standIn);
    }
    const replaced = mains.map((main) => (main.hasEndpoints ? main : replace(main, standIn)));
    if (mains.every((main) => !main.hasEndpoints)) return replaced;
    const kept = canaries.find(({ sticky, upstream }) => sticky && upstream === belongsTo);
    const shares = kept === undefined ? this.#explainCanaries() : this.#explainKept(kept, first, text);
    return divide(replaced, shares);
  }

  #explainOutage(upstream: UpstreamId, standIn: CanaryConfig | undefined): void {
    const text =
      standIn === undefined
        ? 'no endpoints, so no canary is consulted: 503'
        : `no endpoints, so ${standIn.upstream} stands in for it`;
    this.steps.push({ rule: 'endpoints', canary: null, upstream, verdict: 'next', text });
  }

  /** A client whose session is with the canary. */
  #explainKept(canary: CanaryConfig, first: readonly CanaryConfig[], text: string): readonly SplitShare[] {
    const { upstream } = canary;
    const taken = this.#explainRules(first);
    if (taken !== null) return [this.#toWhole(taken, true)];
    if (this.#optedOut.has(upstream)) return [];
    this.steps.push({ rule: 'session', canary, upstream, verdict: 'canary', text });
    return [this.#toWhole(canary, false)];
  }

  /** The shares of the canaries; what is left to 1 goes to the main traffic. */
  #explainCanaries(): readonly SplitShare[] {
    const { canaries } = this.#split;
    const empty = new Set(canaries.map(({ upstream }) => upstream).filter((each) => !this.#hasEndpoints(each)));
    for (const upstream of empty) {
      const text = 'no endpoints, so its rules choose nobody and its share stays with the main traffic';
      this.steps.push({ rule: 'endpoints', canary: null, upstream, verdict: 'next', text });
    }
    for (const canary of canaries) {
      const { release, upstream } = canary;
      if (release !== undefined) {
        this.steps.push({ rule: 'release', canary, upstream, verdict: 'next', text: explainRelease(release) });
      }
      this.#explainGate(canary);
    }
    const taken = this.#explainRules(canaries);
    if (taken !== null) return [this.#toWhole(taken, true)];
    if (this.#explainStay()) return [];
    const kept = this.#explainCookie();
    if (kept !== null) return kept === 'main' ? [] : [this.#toWhole(kept, false)];
    const point = this.#explainBucket();
    return this.#explainWeights(point);
  }

  #explainGate(canary: CanaryConfig): void {
    const { gate, upstream } = canary;
    if (gate === undefined || !this.#hasEndpoints(upstream)) return;
    const { holds, text } = explainMatch(gate, this.#request);
    const shown = holds ? `${text}, so its weight counts` : `${text}, so it takes nothing`;
    this.steps.push({ rule: 'gate', canary, upstream, verdict: 'next', text: shown });
  }

  #isGateShut({ gate }: CanaryConfig): boolean {
    return gate !== undefined && !explainMatch(gate, this.#request).holds;
  }

  /** @returns who is chosen by one; null = nobody */
  #explainRules(canaries: readonly CanaryConfig[]): CanaryConfig | null {
    this.#optedOut.clear();
    for (const rule of RULES) {
      for (const canary of canaries) {
        const { upstream } = canary;
        const judged = judgeCanary(canary, rule, this.#request);
        if (judged === null || !this.#hasEndpoints(upstream) || this.#isGateShut(canary)) continue;
        const step = { rule, canary, upstream };
        if (this.#optedOut.has(upstream)) {
          this.steps.push({ ...step, verdict: 'next', text: `${judged.text}; not counted after "never"` });
          continue;
        }
        this.steps.push({ ...step, ...judged });
        if (judged.verdict === 'canary') return canary;
        if (judged.verdict === 'opt-out') this.#optedOut.add(upstream);
      }
    }
    return null;
  }

  /** @returns whether the request stays with the main traffic because it came in its lane */
  #explainStay(): boolean {
    const { stays, laneAnswer, canaries, members } = this.#split;
    const isAsked = (laneAnswer?.cookie ?? null) !== null || canaries.some(({ weight }) => weight > 0);
    if (stays === undefined || !isAsked) return false;
    const { holds, text } = explainMatch(stays, this.#request);
    const step = { rule: 'lane', canary: null, upstream: members[0]?.upstream ?? '' } as const;
    if (holds) this.steps.push({ ...step, verdict: 'main', text: `${text}, so it stays there` });
    else this.steps.push({ ...step, verdict: 'next', text: `${text}, so it may go elsewhere` });
    return holds;
  }

  /** @returns whom the cookie of its lane keeps the client with; null = nobody */
  #explainCookie(): CanaryConfig | 'main' | null {
    const { laneAnswer, canaries, members } = this.#split;
    const name = laneAnswer?.cookie?.name ?? '';
    const lane = name === '' ? null : readCookie(this.#request.header('cookie') ?? '', name);
    if (lane === null) return null;
    const says = `cookie ${name} says lane ${lane}`;
    const main = members.find(({ lane: own }) => own?.inCookie === true && own.name === lane);
    if (main !== undefined) {
      const text = `${says}, which keeps the client there`;
      this.steps.push({ rule: 'lane', canary: null, upstream: main.upstream, verdict: 'main', text });
      return 'main';
    }
    for (const canary of canaries) {
      const { upstream } = canary;
      if (canary.lane?.inCookie !== true || canary.lane.name !== lane) continue;
      const isExcluded = !this.#hasEndpoints(upstream) || this.#optedOut.has(upstream) || this.#isGateShut(canary);
      const text = isExcluded
        ? `${says}, but it takes nothing of this client`
        : `${says}, which keeps the client there`;
      this.steps.push({ rule: 'lane', canary, upstream, verdict: isExcluded ? 'next' : 'canary', text });
      if (!isExcluded) return canary;
    }
    return null;
  }

  /** @returns where the user stands on the scale; null = anywhere, by chance */
  #explainBucket(): number | null {
    const { buckets, canaries, members } = this.#split;
    const upstream = members[0]?.upstream ?? '';
    if (buckets === undefined || canaries.every(({ weight }) => weight <= 0)) return null;
    const by = formatBucketKey(buckets.by);
    const bucket = new BucketReader(buckets).of(this.#request, this.#request.clientIp);
    const step = { rule: 'bucket', canary: null, upstream, verdict: 'next' } as const;
    if (bucket === NO_BUCKET) {
      this.steps.push({ ...step, text: `the request has no ${by}, so chance decides about weights` });
      return null;
    }
    this.bucket = bucket;
    const point = bucket / BUCKET_COUNT;
    const text = `${by} with seed "${buckets.seed}" is bucket ${bucket} of ${BUCKET_COUNT}, at ${formatPercent(point)}`;
    this.steps.push({ ...step, text });
    return point;
  }

  /** Each canary has its own stretch of one scale from 0 to 1; what lies beyond 1 is out of reach. */
  #explainWeights(point: number | null): readonly SplitShare[] {
    const shares: SplitShare[] = [];
    let upTo = 0;
    for (const canary of this.#split.canaries) {
      const { upstream, weight, weightTotal } = canary;
      if (weight <= 0) continue;
      const from = Math.min(1, upTo);
      upTo += weight / weightTotal;
      const stretch = { from, to: Math.min(1, upTo), point };
      const isExcluded = !this.#hasEndpoints(upstream) || this.#optedOut.has(upstream) || this.#isGateShut(canary);
      const { probability, text } = judgeStretch(stretch, isExcluded);
      const verdict = probability === 1 && point !== null ? 'canary' : 'next';
      this.steps.push({ rule: 'weight', canary, upstream, verdict, text: `${explainShare(canary)}${text}` });
      if (probability > 0) shares.push({ ...this.#toWhole(canary, false), probability });
    }
    return shares;
  }

  /** @param byRule whether a header, cookie or match chose it */
  #toWhole({ upstream, fallback = 'weight', lane }: CanaryConfig, byRule: boolean): SplitShare {
    const { members } = this.#split;
    const stable = members.length === 1 ? (members[0]?.upstream ?? null) : null;
    const fallsBack = fallback === 'always' || (fallback === 'weight' && !byRule);
    return {
      upstream,
      canary: true,
      probability: 1,
      hasEndpoints: true,
      fallback: fallsBack && stable !== upstream ? stable : null,
      lane: lane?.name ?? null,
    };
  }
}

interface Stretch {
  readonly from: number;
  readonly to: number;
  /** Null = chance. */
  readonly point: number | null;
}

function judgeStretch(
  { from, to, point }: Stretch,
  isExcluded: boolean,
): { readonly probability: number; readonly text: string } {
  if (isExcluded) return { probability: 0, text: ', which stays with the main traffic' };
  if (to <= from) return { probability: 0, text: ', out of reach: earlier canaries take everything' };
  if (point === null) return { probability: to - from, text: `: takes ${formatPercent(to - from)} of such requests` };
  const isInside = point >= from && point < to;
  const scale = `${formatPercent(from)} to ${formatPercent(to)}`;
  return { probability: Number(isInside), text: `: the bucket is ${isInside ? '' : 'not '}within ${scale}` };
}

function divide(mains: readonly SplitShare[], canaries: readonly SplitShare[]): readonly SplitShare[] {
  const shares = new Map<string, SplitShare>();
  const canaryTotal = canaries.reduce((sum, { probability }) => sum + probability, 0);
  for (const main of mains) {
    if (!main.hasEndpoints || main.canary) {
      addShare(shares, main, 1);
      continue;
    }
    addShare(shares, main, 1 - canaryTotal);
    for (const canary of canaries) addShare(shares, canary, main.probability);
  }
  return [...shares.values()];
}

function laneOf({ members }: SplitConfig, upstream: UpstreamId): Pick<SplitShare, 'lane'> {
  return { lane: members.find((member) => member.upstream === upstream)?.lane?.name ?? null };
}

function replace(main: SplitShare, standIn: CanaryConfig | undefined): SplitShare {
  if (standIn === undefined) return main;
  const lane = standIn.lane?.name ?? null;
  return { ...main, upstream: standIn.upstream, canary: true, hasEndpoints: true, lane };
}

function mainShares({ members }: SplitConfig, hasEndpoints: (upstream: UpstreamId) => boolean): readonly SplitShare[] {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  return members
    .map(({ upstream, weight, lane }, at) => ({
      upstream,
      canary: false,
      probability: total === 0 ? Number(at === 0) : weight / total,
      hasEndpoints: hasEndpoints(upstream),
      fallback: null,
      lane: lane?.name ?? null,
    }))
    .filter(({ probability }) => probability > 0);
}

function addShare(shares: Map<string, SplitShare>, share: SplitShare, factor: number): void {
  const key = `${share.canary} ${share.upstream}`;
  const probability = (shares.get(key)?.probability ?? 0) + share.probability * factor;
  if (probability > 0) shares.set(key, { ...share, probability });
}

export function formatPercent(probability: number): string {
  return `${Math.round(probability * 10_000) / 100} %`;
}
