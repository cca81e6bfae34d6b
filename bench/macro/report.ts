/** Medians over the rounds of each target, and the tables they are printed in. */
import { median } from './arithmetic.ts';
import type { Comparison } from './goals.ts';
import type { Measure } from './legs.ts';
import type { LoadResult } from './load.ts';
import { LARGE_BODY_BYTES } from './servers/bodies.ts';

export interface Round extends LoadResult {
  readonly target: string;
  /** Null where nobody's CPU is measured. */
  readonly cpuSeconds: number | null;
  /** Of the whole round, by the clock on the wall. */
  readonly seconds: number;
}

export interface Row {
  readonly target: string;
  /** What the leg is about: CPU µs/request, MB (10^6 bytes) per CPU second, or p99 in ms. Null where it cannot be known. */
  readonly figure: number | null;
  /** Of the best round. */
  readonly best: number | null;
  readonly cpuPerRequestUs: number | null;
  /** Share of one core that was used. */
  readonly busy: number | null;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Over all rounds. */
  readonly errors: number;
}

/** Whom the others are compared with in the table of a leg. */
const REFERENCES: readonly string[] = ['nginx', 'haproxy'];

const FIGURE_HEADS: Readonly<Record<Measure, readonly [string, string]>> = {
  cpu: ['CPU µs/request', 'least'],
  bytes: ['MB/CPU s', 'most'],
  latency: ['p99 ms', 'least'],
};

export function summarise(measure: Measure, targets: readonly string[], rounds: readonly Round[]): readonly Row[] {
  return targets.map((target) => {
    const own = rounds.filter((round) => round.target === target);
    const medianOf = (value: (round: Round) => number): number => median(own.map(value));
    const figures = own.map((round) => figureOf(measure, round)).filter((value) => value !== null);
    const burdens = own.map(cpuPerRequest).filter((value) => value !== null);
    const shares = own.flatMap(({ cpuSeconds, seconds }) => (cpuSeconds === null ? [] : cpuSeconds / seconds));
    return {
      target,
      figure: figures.length === 0 ? null : median(figures),
      best: figures.length === 0 ? null : measure === 'bytes' ? Math.max(...figures) : Math.min(...figures),
      cpuPerRequestUs: burdens.length === 0 ? null : median(burdens),
      busy: shares.length === 0 ? null : median(shares),
      requestsPerSecond: medianOf((round) => round.requestsPerSecond),
      p50Ms: medianOf((round) => round.p50Ms),
      p99Ms: medianOf((round) => round.p99Ms),
      p999Ms: medianOf((round) => round.p999Ms),
      errors: own.reduce((sum, { errors }) => sum + errors, 0),
    };
  });
}

function figureOf(measure: Measure, round: Round): number | null {
  if (measure === 'latency') return round.p99Ms;
  if (measure === 'cpu') return cpuPerRequest(round);
  return round.cpuSeconds === null ? null : (round.requests * LARGE_BODY_BYTES) / 1e6 / round.cpuSeconds;
}

function cpuPerRequest({ cpuSeconds, requests }: Round): number | null {
  return cpuSeconds === null ? null : (cpuSeconds / requests) * 1e6;
}

export function formatLeg(measure: Measure, rows: readonly Row[]): string {
  const references = REFERENCES.flatMap((name) => rows.find(({ target }) => target === name) ?? []);
  const beside = references.map(({ target }) => `x ${target}`);
  // What is the figure already needs no column of its own.
  const rest = measure === 'latency' ? ['p50 ms', 'p99.9 ms', 'CPU µs/request'] : ['p50 ms', 'p99 ms', 'p99.9 ms'];
  const lines = [['target', ...FIGURE_HEADS[measure], ...beside, 'core', 'requests/s', ...rest, 'errors']];
  for (const row of rows) {
    const cells = [
      row.target,
      formatFigure(measure, row.figure),
      formatFigure(measure, row.best),
      ...references.map(({ figure }) =>
        row.figure === null || figure === null ? '-' : (row.figure / figure).toFixed(2),
      ),
      row.busy === null ? '-' : `${(row.busy * 100).toFixed(0)} %`,
      row.requestsPerSecond.toFixed(0),
      row.p50Ms.toFixed(2),
      ...(measure === 'latency' ? [] : [row.p99Ms.toFixed(2)]),
      row.p999Ms.toFixed(2),
      ...(measure === 'latency' ? [formatFigure('cpu', row.cpuPerRequestUs)] : []),
      String(row.errors),
    ];
    lines.push(cells);
  }
  return formatTable(lines, 1);
}

export function formatComparisons(comparisons: readonly Comparison[]): string {
  const lines = [['leg', 'peer', 'figure', 'sluice', 'peer has', 'sluice to peer', 'best to best', 'goal', 'result']];
  for (const { leg, peer, measure, sluice, other, value, bestValue, goal, met } of comparisons) {
    const relations = [value, bestValue].map((each) => formatRelation(measure, each));
    const result = met === null ? '' : met ? 'met' : 'missed';
    const figures = [sluice, other].map((each) => formatFigure(measure, each));
    lines.push([leg, peer, FIGURE_HEADS[measure][0], ...figures, ...relations, goal, result]);
  }
  return formatTable(lines, 3);
}

function formatRelation(measure: Measure, value: number): string {
  return measure === 'latency' ? `${value < 0 ? '' : '+'}${value.toFixed(2)} ms` : value.toFixed(2);
}

function formatFigure(measure: Measure, value: number | null): string {
  return value === null ? '-' : value.toFixed(measure === 'bytes' ? 0 : measure === 'cpu' ? 1 : 2);
}

/** @param textColumns how many columns, from the left, are aligned to the left */
export function formatTable(lines: readonly (readonly string[])[], textColumns: number): string {
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const padCell = (cell: string, column: number): string => {
    const width = widths[column] ?? 0;
    return column < textColumns ? cell.padEnd(width) : cell.padStart(width);
  };
  return lines.map((line) => line.map(padCell).join('  ').trimEnd()).join('\n');
}
