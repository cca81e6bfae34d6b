/** What Sluice wants to reach in relation to others, and how far it is from it. For information: a run does not fail by it. */
import type { Measure } from './legs.ts';
import type { Row } from './report.ts';

interface Goal {
  readonly leg: string;
  readonly peer: string;
  /** Of the ratio of Sluice to the peer; for latencies, of the milliseconds between them. For bytes the least, else the most. */
  readonly limit: number;
}

export interface Comparison {
  readonly leg: string;
  readonly peer: string;
  readonly measure: Measure;
  readonly sluice: number;
  readonly other: number;
  /** Sluice over the peer; for latencies Sluice minus the peer. */
  readonly value: number;
  /** The same of the best round of each. On a machine with other things to do it moves less. */
  readonly bestValue: number;
  /** As printed; empty when there is none. */
  readonly goal: string;
  readonly met: boolean | null;
}

const SMALL_REQUESTS: readonly Goal[] = ['h1', 'h1-tls'].flatMap((leg) => [
  { leg, peer: 'nginx', limit: 1 },
  { leg, peer: 'haproxy', limit: 1 },
  { leg, peer: 'caddy', limit: 1 / 3 },
  { leg, peer: 'http-proxy', limit: 1 / 5 },
]);

const GOALS: readonly Goal[] = [
  ...SMALL_REQUESTS,
  { leg: 'h2-tls', peer: 'nginx', limit: 1.5 },
  { leg: 'h2-tls', peer: 'caddy', limit: 1 / 3 },
  { leg: 'connect', peer: 'nginx', limit: 2 },
  { leg: 'down-1m', peer: 'nginx', limit: 1 },
  { leg: 'up-1m', peer: 'nginx', limit: 1 },
  { leg: 'latency', peer: 'nginx', limit: 0.5 },
];

/** Sluice with every other target of a leg that has a figure. */
export function compare(leg: string, measure: Measure, rows: readonly Row[]): readonly Comparison[] {
  const { figure: sluice = null, best = null } = rows.find(({ target }) => target === 'sluice') ?? {};
  if (sluice === null || best === null) return [];
  const comparisons: Comparison[] = [];
  for (const { target: peer, figure: other, best: otherBest } of rows) {
    if (other === null || otherBest === null || peer === 'sluice' || peer === 'direct') continue;
    const value = relate(measure, sluice, other);
    const bestValue = relate(measure, best, otherBest);
    const goal = GOALS.find((each) => each.leg === leg && each.peer === peer);
    const met = goal === undefined ? null : measure === 'bytes' ? value >= goal.limit : value <= goal.limit;
    comparisons.push({ leg, peer, measure, sluice, other, value, bestValue, goal: describeGoal(measure, goal), met });
  }
  return comparisons;
}

function relate(measure: Measure, sluice: number, other: number): number {
  return measure === 'latency' ? sluice - other : sluice / other;
}

function describeGoal(measure: Measure, goal: Goal | undefined): string {
  if (goal === undefined) return '';
  if (measure === 'latency') return `<= +${goal.limit.toFixed(2)} ms`;
  return `${measure === 'bytes' ? '>=' : '<='} ${goal.limit.toFixed(2)}`;
}
