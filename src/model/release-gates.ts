/**
 * The text of the gates of a release, `errors <= +1%, p95 <= 1.5x, requests >= 100`. A gate that is not named keeps its
 * default, so that who asks for one thing more does not lose the rest.
 */
import type { LatencyGate, ReleaseGates } from './release.ts';
import { type Parsed, parseDecimal, quote } from './release-text.ts';

/**
 * No latency: what is slow is for each service to say, and versions that have just started are slow for a while.
 */
export const DEFAULT_RELEASE_GATES: ReleaseGates = {
  errorDifference: 0.01,
  latencyRatios: [],
  minRequests: 100,
  maxFailures: null,
};

/** By time only. */
export const NO_RELEASE_GATES: ReleaseGates = {
  errorDifference: null,
  latencyRatios: [],
  minRequests: 0,
  maxFailures: null,
};

const MAX_GATE_COUNT = 1_000_000_000;
const MAX_LATENCY_RATIO = 100;
const ERROR_GATE_FORM = 'a number of percentage points of at least 0 and below 100, with at most three decimals';
const LATENCY_GATE_FORM: string = `a factor from 1 to ${MAX_LATENCY_RATIO}, with at most three decimals`;
const LATENCY_QUANTILES: ReadonlyMap<string, LatencyGate['quantile']> = new Map([
  ['p50', 0.5],
  ['p95', 0.95],
  ['p99', 0.99],
]);

const MAX_LENGTH = 1_024;
const GATE = /^([a-z][a-z0-9]{0,15})\s*(<=|>=)\s*(\S+)$/;
export const RELEASE_GATE_NAMES = ['errors', 'p50', 'p95', 'p99', 'requests', 'failures'] as const;

export type ReleaseGateName = (typeof RELEASE_GATE_NAMES)[number];

/** Whatever the value is. */
const ANY = 'any';

interface GateReader {
  readonly operator: '<=' | '>=';
  readonly form: string;
  /** @returns null for what is not of `form` */
  readonly read: (text: string, gates: ReleaseGates) => ReleaseGates | null;
}

const READERS: ReadonlyMap<string, GateReader> = new Map([
  [
    'errors',
    {
      operator: '<=',
      form: `+N%, ${ERROR_GATE_FORM} that the canary may be above stable, or any`,
      read: (text, gates) => {
        if (text === ANY) return { ...gates, errorDifference: null };
        const points = /^\+(.*)%$/.exec(text)?.[1];
        const value = points === undefined ? null : parseDecimal(points);
        return value === null || value >= 100 ? null : { ...gates, errorDifference: toShare(value) };
      },
    },
  ],
  ...[...LATENCY_QUANTILES].map(([name, quantile]): [string, GateReader] => [
    name,
    {
      operator: '<=',
      form: `Nx, ${LATENCY_GATE_FORM}, or any`,
      read: (text, gates) => {
        if (text === ANY) return gates;
        const ratio = text.endsWith('x') ? parseDecimal(text.slice(0, -1)) : null;
        if (ratio === null || ratio < 1 || ratio > MAX_LATENCY_RATIO) return null;
        return { ...gates, latencyRatios: [...gates.latencyRatios, { quantile, ratio }] };
      },
    },
  ]),
  [
    'requests',
    {
      operator: '>=',
      form: `a whole number from 0 to ${MAX_GATE_COUNT}`,
      read: (text, gates) => {
        const minRequests = parseCount(text);
        return minRequests === null ? null : { ...gates, minRequests };
      },
    },
  ],
  [
    'failures',
    {
      operator: '<=',
      form: `a whole number from 0 to ${MAX_GATE_COUNT}, or any`,
      read: (text, gates) => {
        const maxFailures = parseCount(text);
        if (text !== ANY && maxFailures === null) return null;
        return { ...gates, maxFailures };
      },
    },
  ],
]);

export function parseReleaseGates(text: string): Parsed<ReleaseGates> {
  if (text.length > MAX_LENGTH) return { problem: `expected at most ${MAX_LENGTH} characters` };
  if (text.trim() === 'none') return { value: NO_RELEASE_GATES };
  const seen = new Set<string>();
  let gates = DEFAULT_RELEASE_GATES;
  for (const [index, part] of text.split(',').entries()) {
    const gate = part.trim();
    const [, name = '', operator = '', value = ''] = GATE.exec(gate) ?? [];
    const reader = READERS.get(name);
    const where = `gate ${index + 1}`;
    if (reader === undefined) {
      const form = `NAME <= VALUE with a name of ${RELEASE_GATE_NAMES.join(', ')} (>= for requests), or none alone`;
      return { problem: `${where} is ${quote(gate)}; expected ${form}` };
    }
    if (seen.has(name)) return { problem: `${where} says ${name} again; expected each gate once` };
    seen.add(name);
    if (operator !== reader.operator)
      return { problem: `${where} is ${quote(gate)}; expected ${name} ${reader.operator}` };
    const next = reader.read(value, gates);
    if (next === null) return { problem: `${where} has ${quote(value)} for ${name}; expected ${reader.form}` };
    gates = next;
  }
  return { value: sortGates(gates) };
}

/** One gate by itself: `gates` with it. */
export function readReleaseGate(name: ReleaseGateName, value: string, gates: ReleaseGates): Parsed<ReleaseGates> {
  const next = READERS.get(name)?.read(value, gates) ?? null;
  return next === null ? { problem: `expected ${releaseGateForm(name)}` } : { value: sortGates(next) };
}

/** What its value looks like. */
export function releaseGateForm(name: ReleaseGateName): string {
  return READERS.get(name)?.form ?? '';
}

/** By quantile, so that gates that mean the same are the same. */
function sortGates(gates: ReleaseGates): ReleaseGates {
  return { ...gates, latencyRatios: gates.latencyRatios.toSorted((a, b) => a.quantile - b.quantile) };
}

/** What `parseReleaseGates` reads, the defaults included. */
export function formatReleaseGates({ errorDifference, latencyRatios, minRequests, maxFailures }: ReleaseGates): string {
  const asksNothing = errorDifference === null && latencyRatios.length === 0 && maxFailures === null;
  if (asksNothing && minRequests === 0) return 'none';
  return [
    `errors <= ${errorDifference === null ? ANY : `+${toPoints(errorDifference)}%`}`,
    ...latencyRatios.map(({ quantile, ratio }) => `p${quantile * 100} <= ${ratio}x`),
    `requests >= ${minRequests}`,
    ...(maxFailures === null ? [] : [`failures <= ${maxFailures}`]),
  ].join(', ');
}

/** Percentage points with three decimals to a share, such that equal texts give equal numbers. */
function toShare(points: number): number {
  return Math.round(points * 1_000) / 100_000;
}

function toPoints(share: number): number {
  return Math.round(share * 100_000) / 1_000;
}

function parseCount(text: string): number | null {
  const count = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return count <= MAX_GATE_COUNT ? count : null;
}
