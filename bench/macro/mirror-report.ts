/** What the rounds of `mirror.ts` say: medians, and each case against the unmirrored route of the same round. */
import { median } from './arithmetic.ts';
import type { LoadResult } from './load.ts';
import { formatTable } from './report.ts';

export interface MirrorRound {
  readonly name: string;
  readonly cpuSeconds: number;
  /** By the clock on the wall. */
  readonly seconds: number;
  readonly load: LoadResult;
}

/** Counts by result or reason, of the requests that the rounds have seen. */
export type CopyCounts = ReadonlyMap<string, number>;

export interface MirrorRow {
  readonly name: string;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Of the p99: median of the differences within each round. */
  readonly addedMs: number;
  /** CPU of a request over that of an unmirrored one: median of the ratios within each round. */
  readonly cpuRatio: number;
  readonly cpuUs: number;
  /** Share of one core. */
  readonly busy: number;
  readonly requestsPerSecond: number;
  /** Over all rounds. */
  readonly errors: number;
}

export interface Spread {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** Of the p99 of these cases over their rounds. */
export function spreadOf(rounds: readonly MirrorRound[], names: readonly string[]): Spread {
  const values = rounds.filter(({ name }) => names.includes(name)).map(({ load }) => load.p99Ms);
  return { leastMs: Math.min(...values), mostMs: Math.max(...values) };
}

/** @param baseline the case that the others are compared with; each has as many rounds as it, in the same order */
export function summariseMirrors(rounds: readonly MirrorRound[], baseline: string): readonly MirrorRow[] {
  const reference = rounds.filter(({ name }) => name === baseline);
  const names = [...new Set(rounds.map(({ name }) => name))];
  return names.map((name) => {
    const own = rounds.filter((round) => round.name === name);
    const medianOf = (of: (round: MirrorRound, beside: MirrorRound) => number): number =>
      median(own.map((round, at) => of(round, reference[at] as MirrorRound)));
    return {
      name,
      p50Ms: medianOf(({ load }) => load.p50Ms),
      p99Ms: medianOf(({ load }) => load.p99Ms),
      p999Ms: medianOf(({ load }) => load.p999Ms),
      addedMs: medianOf(({ load }, beside) => load.p99Ms - beside.load.p99Ms),
      cpuRatio: medianOf((round, beside) => cpuOf(round) / cpuOf(beside)),
      cpuUs: medianOf(cpuOf),
      busy: medianOf(({ cpuSeconds, seconds }) => cpuSeconds / seconds),
      requestsPerSecond: medianOf(({ load }) => load.requestsPerSecond),
      errors: own.reduce((sum, { load }) => sum + load.errors, 0),
    };
  });
}

function cpuOf({ cpuSeconds, load }: MirrorRound): number {
  return (cpuSeconds / load.requests) * 1e6;
}

const HEADS = ['target', 'p50 ms', 'p99 ms', 'p99.9 ms', 'p99 added', 'spread', 'CPU µs', 'CPU x', 'core', 'failed'];

export function formatMirrors(
  rows: readonly MirrorRow[],
  { leastMs, mostMs }: Spread,
  copies: ReadonlyMap<string, CopyCounts>,
): string {
  const lines = rows.map((row, at) => [
    row.name,
    ...[row.p50Ms, row.p99Ms, row.p999Ms].map((value) => value.toFixed(2)),
    at === 0 ? '' : `${row.addedMs < 0 ? '' : '+'}${row.addedMs.toFixed(2)}`,
    at === 0 ? (mostMs - leastMs).toFixed(2) : row.addedMs <= mostMs - leastMs ? 'within' : 'above',
    row.cpuUs.toFixed(1),
    row.cpuRatio.toFixed(2),
    `${(row.busy * 100).toFixed(0)} %`,
    String(row.errors),
    formatCopies(copies.get(row.name)),
  ]);
  return formatTable([[...HEADS, 'copies'], ...lines], 1);
}

function formatCopies(counts: CopyCounts | undefined): string {
  return [...(counts ?? [])]
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}
