/** Releases as text for people. Everything that users wrote is escaped for the terminal. */
import type { DumpedRelease, ReleasesDump } from '../admin/dump-releases.ts';
import { escapeText } from '../log/escape-text.ts';

const COLUMNS = ['', 'requests', 'errors', 'p50', 'p95', 'p99'] as const;
const FIRST_WIDTH = 10;
const WIDTH = 10;

export function formatReleases({ decides, count, releases }: ReleasesDump): string {
  if (releases.length === 0) return 'no release is configured\n';
  const blocks = releases.map((release) => formatRelease(release, decides));
  const rest = count - releases.length;
  const more = rest > 0 ? [[`and ${rest} more`]] : [];
  return [...blocks, ...more].map(toBlock).join('\n');
}

function toBlock(lines: readonly string[]): string {
  return lines.map((line) => `${escapeText(line)}\n`).join('');
}

function formatRelease(release: DumpedRelease, decides: boolean): readonly string[] {
  const { id, state, config, stored, waitsFor, gates, sides, replicas, routes, routeCount } = release;
  const current = state?.revision === config.revision ? state : null;
  const lines = [`${id}: ${describeStage(release)}`];
  const more = routeCount - routes.length;
  lines.push(`  on ${routes.join(', ')}${more > 0 ? ` and ${more} more` : ''}`);
  if (current !== null && current.reason !== '') lines.push(`  because of ${current.reason}`);
  if (waitsFor !== '') lines.push(`  waits for ${waitsFor}`);
  if (!stored) lines.push('  not stored yet: a restart would forget it');
  if (!decides) lines.push('  steps are taken by another replica');
  if (current === null || current.phase === 'aborted' || current.phase === 'expired') return lines;
  lines.push(`  ${row(COLUMNS)}`, ...(['canary', 'stable'] as const).map((side) => `  ${sideRow(side, sides[side])}`));
  for (const { verdict, evidence, text } of gates) lines.push(`  ${verdict.padEnd(8)} ${text}${proof(evidence)}`);
  if (replicas.counted > 0) lines.push(`  with the figures of ${replicas.counted} other replicas`);
  if (replicas.silent > 0) lines.push(`  without those of ${replicas.silent} replicas, which are silent`);
  return lines;
}

function describeStage({ state, config, percent, heldMs }: DumpedRelease): string {
  const { steps } = config;
  if (state?.revision !== config.revision)
    return steps.length === 0 ? 'not begun' : `not begun, 0 % of ${steps.length} steps`;
  const { phase } = state;
  if (steps.length === 0) return phase;
  const step = steps[Math.min(state.step, steps.length - 1)];
  const place = `step ${Math.min(state.step + 1, steps.length)} of ${steps.length}, ${percent ?? 0} %`;
  if (phase !== 'running' && phase !== 'paused') return `${phase}, ${place}, since ${state.changedAt}`;
  return `${phase}, ${place} for ${formatTime(heldMs)} of at least ${formatTime(step?.holdMs ?? 0)}`;
}

function sideRow(name: string, side: DumpedRelease['sides']['canary']): string {
  const { requests, errorRate, p50Ms, p95Ms, p99Ms } = side;
  const rate = errorRate === null ? '-' : `${Number((errorRate * 100).toPrecision(3))} %`;
  return row([name, requests.toLocaleString('en-US'), rate, ...[p50Ms, p95Ms, p99Ms].map(formatDuration)]);
}

function row([first = '', ...cells]: readonly string[]): string {
  return first.padEnd(FIRST_WIDTH) + cells.map((cell) => cell.padStart(WIDTH)).join('');
}

function proof(evidence: number): string {
  return evidence > 0 ? ` (${Math.floor(Math.min(evidence, 1) * 100)} % of a proof)` : '';
}

function formatDuration(durationMs: number | null): string {
  if (durationMs === null) return '-';
  return durationMs < 1_000
    ? `${Number(durationMs.toPrecision(3))} ms`
    : `${Number((durationMs / 1_000).toPrecision(3))} s`;
}

/** `2h 5m`, `10m`, `41s`: the two largest units. */
function formatTime(timeMs: number): string {
  const seconds = Math.floor(timeMs / 1_000);
  const units = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = units.findIndex(([count]) => count > 0);
  if (first === -1) return '0s';
  return units
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}
