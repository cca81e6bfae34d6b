/**
 * What the figures of a step say about a canary: proven worse, inside its gates, outside them without proof, or too little
 * to tell. How sure a proof is: all releases of healthy canaries together, at most one in a thousand is called worse.
 */
import type { LatencyGate, ReleaseFigures, ReleaseGates, SideFigures } from '../model/release.ts';
import { type Count, toAmount, toCount } from './beta-mixture.ts';
import { logErrorEvidence } from './judge-errors.ts';
import { type Durations, logLatencyEvidence, toDurations, toQuantileMs } from './judge-latency.ts';

/**
 * `worse`: to be aborted. `too-few`: fewer requests than asked for. `unclear`: what is estimated lies outside a gate, which
 * may be chance. `fine`: everything is inside.
 */
export type ReleaseVerdict = 'worse' | 'fine' | 'unclear' | 'too-few';

/** `unknown`: there is nothing to compare. */
export type GateVerdict = 'worse' | 'outside' | 'inside' | 'unknown';

export interface GateJudgement {
  /** `errors`, `p95` and the like, `failures`, `requests`. */
  readonly gate: string;
  readonly verdict: GateVerdict;
  /** A rate, milliseconds or a number, by the gate; null = nothing is known, or asked. */
  readonly stable: number | null;
  readonly canary: number | null;
  /** How much of a proof against the canary there is, in [0, 1]; 1 = it is proven. */
  readonly evidence: number;
  /** For people, as `errors: 3.1 % of 412 requests, stable 0 % of 7,801, allowed +1 %`. */
  readonly text: string;
}

export interface ReleaseJudgement {
  readonly verdict: ReleaseVerdict;
  /** Why it is `worse`; otherwise empty. */
  readonly reason: string;
  readonly gates: readonly GateJudgement[];
}

/** Chance at which a release of a canary that is as good as its gates ask is aborted. */
const ALPHA = 0.001;

const NOTHING: SideFigures = { requests: 0, failures: 0, latency: [] };

/**
 * @param figures of this step; null = none are known
 * @param step counted from 0
 * @param earlierFailures of the canary, in the steps before
 */
export function judgeRelease(
  gates: ReleaseGates,
  figures: ReleaseFigures | null,
  { step, earlierFailures }: { readonly step: number; readonly earlierFailures: number },
): ReleaseJudgement {
  const { stable, canary } = figures ?? { stable: NOTHING, canary: NOTHING };
  const compared = (gates.errorDifference === null ? 0 : 1) + gates.latencyRatios.length;
  // 1/2, 1/6, 1/12, … for the steps: never more than 1 together, most where a bad canary shows first.
  const alpha = ALPHA / ((step + 1) * (step + 2)) / Math.max(compared, 1);
  const enough = Math.log(1 / alpha);
  const judged = [
    ...judgeFailures(gates, canary, earlierFailures),
    ...judgeErrors(gates, stable, canary, enough),
    ...judgeLatency(gates, stable, canary, enough),
    judgeRequests(gates, canary),
  ];
  const worse = judged.filter(({ verdict }) => verdict === 'worse');
  return {
    verdict: worse.length > 0 ? 'worse' : toVerdict(judged),
    reason: worse.map(({ text }) => text).join('; '),
    gates: judged,
  };
}

function toVerdict(judged: readonly GateJudgement[]): ReleaseVerdict {
  const outside = judged.filter(({ verdict }) => verdict === 'outside');
  if (outside.some(({ gate }) => gate === 'requests')) return 'too-few';
  return outside.length > 0 ? 'unclear' : 'fine';
}

function judgeFailures(gates: ReleaseGates, canary: SideFigures, earlier: number): readonly GateJudgement[] {
  const allowed = gates.maxFailures;
  if (allowed === null) return [];
  const failures = toAmount(earlier) + toAmount(canary.failures);
  const verdict = failures > allowed ? 'worse' : 'inside';
  const text = `failures: ${toNumber(failures)}, allowed ${toNumber(allowed)}`;
  return [
    {
      gate: 'failures',
      verdict,
      stable: null,
      canary: failures,
      evidence: Math.min(failures / (allowed + 1), 1),
      text,
    },
  ];
}

function judgeErrors(
  gates: ReleaseGates,
  stableSide: SideFigures,
  canarySide: SideFigures,
  enough: number,
): readonly GateJudgement[] {
  const allowed = gates.errorDifference;
  if (allowed === null) return [];
  const stable = toCount(stableSide.failures, stableSide.requests);
  const canary = toCount(canarySide.failures, canarySide.requests);
  const evidence = Math.min(logErrorEvidence(stable, canary, allowed) / enough, 1);
  const rates = { stable: toRate(stable), canary: toRate(canary) };
  return [
    {
      gate: 'errors',
      verdict: toGateVerdict(evidence, rates, ({ stable: usual, canary: found }) => found - usual <= allowed),
      ...rates,
      evidence,
      text: `errors: ${toShare(canary)} requests, stable ${toShare(stable)}, allowed +${toPercent(allowed)}`,
    },
  ];
}

function judgeLatency(
  gates: ReleaseGates,
  stableSide: SideFigures,
  canarySide: SideFigures,
  enough: number,
): readonly GateJudgement[] {
  if (gates.latencyRatios.length === 0) return [];
  const stable = toDurations(stableSide.latency);
  const canary = toDurations(canarySide.latency);
  return gates.latencyRatios.map((gate) => judgeQuantile(gate, stable, canary, enough));
}

function judgeQuantile(gate: LatencyGate, stable: Durations, canary: Durations, enough: number): GateJudgement {
  const { quantile, ratio } = gate;
  const evidence = Math.min(logLatencyEvidence(stable, canary, gate, enough) / enough, 1);
  const values = { stable: toQuantileMs(stable, quantile), canary: toQuantileMs(canary, quantile) };
  const name = `p${Math.round(quantile * 100)}`;
  return {
    gate: name,
    verdict: toGateVerdict(evidence, values, ({ stable: usual, canary: found }) => found <= usual * ratio),
    ...values,
    evidence,
    text:
      `${name}: ${toDuration(values.canary)} of ${toNumber(canary.answers)} answers, ` +
      `stable ${toDuration(values.stable)} of ${toNumber(stable.answers)}, allowed ${ratio}x`,
  };
}

function judgeRequests(gates: ReleaseGates, canary: SideFigures): GateJudgement {
  const requests = toAmount(canary.requests);
  return {
    gate: 'requests',
    verdict: requests >= gates.minRequests ? 'inside' : 'outside',
    stable: null,
    canary: requests,
    evidence: 0,
    text: `requests: ${toNumber(requests)} of ${toNumber(gates.minRequests)}`,
  };
}

function toGateVerdict(
  evidence: number,
  { stable, canary }: { readonly stable: number | null; readonly canary: number | null },
  isInside: (values: { readonly stable: number; readonly canary: number }) => boolean,
): GateVerdict {
  if (evidence >= 1) return 'worse';
  if (stable === null || canary === null) return 'unknown';
  return isInside({ stable, canary }) ? 'inside' : 'outside';
}

function toRate({ hits, trials }: Count): number | null {
  return trials > 0 ? hits / trials : null;
}

function toShare(count: Count): string {
  return `${toPercent(toRate(count) ?? 0)} of ${toNumber(count.trials)}`;
}

/** `3.1 %`, `0.04 %`, `0 %`. */
function toPercent(rate: number): string {
  const percent = rate * 100;
  return `${Number(percent < 1 ? percent.toPrecision(1) : percent.toFixed(1))} %`;
}

function toDuration(durationMs: number | null): string {
  if (durationMs === null) return 'nothing';
  return `${durationMs < 10 ? Number(durationMs.toPrecision(2)) : Math.round(durationMs)} ms`;
}

/** With commas between thousands; `toLocaleString` costs more than all the rest of a judgement. */
function toNumber(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}
