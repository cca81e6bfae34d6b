/** Medians over the rounds of each target, and the table they are printed in. */
import type { LoadResult } from './load.ts';

export interface Round extends LoadResult {
  readonly target: string;
  /** Null where nobody's CPU is measured. */
  readonly cpuSeconds: number | null;
}

export interface Row {
  readonly target: string;
  /** Microseconds of CPU; null for the upstream alone. */
  readonly cpuPerRequestUs: number | null;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Over all rounds. */
  readonly errors: number;
}

/** Whose CPU per request the others are compared with. */
const REFERENCES = ['nginx', 'haproxy'] as const;

export function summarise(targets: readonly string[], rounds: readonly Round[]): readonly Row[] {
  return targets.map((target) => {
    const own = rounds.filter((round) => round.target === target);
    const medianOf = (value: (round: Round) => number): number => median(own.map(value));
    const measured = own.flatMap(({ cpuSeconds, requests }) =>
      cpuSeconds === null ? [] : (cpuSeconds / requests) * 1e6,
    );
    return {
      target,
      cpuPerRequestUs: measured.length === 0 ? null : median(measured),
      requestsPerSecond: medianOf((round) => round.requestsPerSecond),
      p50Ms: medianOf((round) => round.p50Ms),
      p99Ms: medianOf((round) => round.p99Ms),
      p999Ms: medianOf((round) => round.p999Ms),
      errors: own.reduce((sum, { errors }) => sum + errors, 0),
    };
  });
}

export function formatTable(rows: readonly Row[]): string {
  const references = REFERENCES.flatMap((name) => rows.find(({ target }) => target === name) ?? []);
  const head = ['target', 'CPU µs/request', ...references.map(({ target }) => `x ${target}`)];
  const lines = [[...head, 'requests/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'errors']];
  for (const row of rows) {
    const cpu = row.cpuPerRequestUs;
    lines.push([
      row.target,
      cpu === null ? '-' : cpu.toFixed(1),
      ...references.map((reference) => formatRatio(cpu, reference.cpuPerRequestUs)),
      row.requestsPerSecond.toFixed(0),
      ...[row.p50Ms, row.p99Ms, row.p999Ms].map((value) => value.toFixed(2)),
      String(row.errors),
    ]);
  }
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines.map((line) => line.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join('  ')).join('\n');
}

function formatRatio(value: number | null, reference: number | null): string {
  return value === null || reference === null ? '-' : (value / reference).toFixed(2);
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
