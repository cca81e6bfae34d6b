/** Where the time of endpoint changes goes, by what the controller was seen to do (`trace-points.ts`). */
import { percentile } from '../macro/arithmetic.ts';
import type { TracePoint, TraceRecord } from './trace-points.ts';

/** From outside, by the clock that all processes share. */
export interface SeenChange {
  /** The API server had stored it. */
  readonly writtenMs: number;
  /** The first answers that show it were there, in every worker. */
  readonly seenMs: number;
}

const LEGS: readonly {
  readonly name: string;
  readonly from: TracePoint | 'written';
  readonly to: TracePoint | 'seen';
}[] = [
  { name: 'written → bytes of the watch', from: 'written', to: 'received' },
  { name: 'bytes → decoded', from: 'received', to: 'decoded' },
  { name: 'decoded → emitted', from: 'decoded', to: 'emitted' },
  { name: 'emitted → compiled', from: 'emitted', to: 'compiled' },
  { name: 'compiled → posted', from: 'compiled', to: 'posted' },
  { name: 'posted → applied, last worker', from: 'posted', to: 'applied' },
  { name: 'applied → seen in every worker', from: 'applied', to: 'seen' },
];

const SLOWEST = 5;

type Passed = ReadonlyMap<string, number>;

export function printTrace(changes: readonly SeenChange[], records: readonly TraceRecord[], workers: number): void {
  const passed = changes.map((change) => passedPoints(change, records, workers));
  for (const leg of LEGS) {
    const times = passed.map((points) => legMs(points, leg));
    const figures = [50, 99, 100].map((percent) => percentile(times, percent).toFixed(2).padStart(9)).join('');
    console.log(`  ${leg.name.padEnd(32)}${figures} ms`);
  }
  const all = passed.map((points) => (points.get('applied') ?? Number.NaN) - (points.get('written') ?? Number.NaN));
  const figures = [50, 99, 100].map((percent) => percentile(all, percent).toFixed(2).padStart(9)).join('');
  console.log(`  ${'written → applied, last worker'.padEnd(32)}${figures} ms`);
  const order = changes.map((_, at) => at).toSorted((a, b) => took(changes[b]) - took(changes[a]));
  for (const at of order.slice(0, SLOWEST)) {
    const change = changes[at];
    const points = passed[at];
    if (change === undefined || points === undefined) continue;
    const legs = LEGS.map((leg) => legMs(points, leg).toFixed(1)).join(' + ');
    console.log(`  slow: change ${at}: ${took(change).toFixed(1)} ms = ${legs}${collections(change, records)}`);
  }
}

function took(change: SeenChange | undefined): number {
  return change === undefined ? 0 : change.seenMs - change.writtenMs;
}

function legMs(points: Passed, { from, to }: (typeof LEGS)[number]): number {
  return (points.get(to) ?? Number.NaN) - (points.get(from) ?? Number.NaN);
}

/** When it passed each point; the last of the bytes that came before it was decoded, and the last worker. */
function passedPoints(change: SeenChange, records: readonly TraceRecord[], workers: number): Passed {
  const points = new Map<string, number>([
    ['written', change.writtenMs],
    ['seen', change.seenMs],
  ]);
  const first = (point: TracePoint, sinceMs: number): number =>
    records.find((record) => record.point === point && record.atMs >= sinceMs)?.atMs ?? Number.NaN;
  const since = change.writtenMs - EARLY_MS;
  const decoded = first('decoded', since);
  const received = records.findLast((record) => record.point === 'received' && record.atMs <= decoded);
  points.set('received', received?.atMs ?? Number.NaN);
  points.set('decoded', decoded);
  for (const point of ['emitted', 'compiled', 'posted'] as const) points.set(point, first(point, decoded));
  const threads = new Map<number, number>();
  for (const { point, atMs, thread } of records) {
    if (point === 'applied' && atMs >= decoded && !threads.has(thread)) threads.set(thread, atMs);
  }
  points.set('applied', threads.size < workers ? Number.NaN : Math.max(...threads.values()));
  return points;
}

/** Bytes may arrive before whoever wrote them has looked at the clock. */
const EARLY_MS = 5;

function collections({ writtenMs, seenMs }: SeenChange, records: readonly TraceRecord[]): string {
  const during = records.filter(
    ({ point, atMs, forMs }) => point === 'gc' && atMs <= seenMs && atMs + forMs >= writtenMs,
  );
  return during.map(({ thread, forMs, detail }) => `, gc ${detail} ${forMs.toFixed(1)} in ${thread}`).join('');
}
