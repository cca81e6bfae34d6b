/**
 * Loaded into the controller before its own code (`--import`), in every thread of it: notes when an endpoint change passes by,
 * and how long garbage is collected, as lines on file descriptor 3. The product knows nothing of it.
 */
import { writeSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { isMainThread, threadId } from 'node:worker_threads';

/** In the order in which a change passes them. */
export type TracePoint = 'received' | 'decoded' | 'emitted' | 'compiled' | 'posted' | 'applied';

export interface TraceRecord {
  /** 0 = the control plane. */
  readonly thread: number;
  readonly point: TracePoint | 'gc';
  /** Of the clock that all processes share. */
  readonly atMs: number;
  /** Of a collection. */
  readonly forMs: number;
  readonly detail: string;
}

const TRACE_FD = 3;
const MIN_GC_MS = 0.3;

const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;
/** Between the clock of this thread and that of all processes. */
const offsetMs = nowMs() - performance.now();

function write(record: Omit<TraceRecord, 'thread'>): void {
  writeSync(TRACE_FD, `${JSON.stringify({ thread: isMainThread ? 0 : threadId, ...record })}\n`);
}

function note(point: TracePoint, detail: string = ''): void {
  write({ point, atMs: nowMs(), forMs: 0, detail });
}

type Method = (this: unknown, ...args: never[]) => unknown;
type Loaded = Readonly<Record<string, { readonly prototype: Record<string, Method> }>>;

/** Of the program that runs, be it the build or its sources. */
async function methodsOf(path: string, name: string): Promise<Record<string, Method>> {
  const program = process.argv[1] ?? '';
  const file = new URL(`../${path}${program.endsWith('.ts') ? '.ts' : '.js'}`, `file://${program}`);
  const { [name]: loaded } = (await import(file.href)) as Loaded;
  if (loaded === undefined) throw new Error(`${path} has no ${name}`);
  return loaded.prototype;
}

function wrap(methods: Record<string, Method>, name: string, around: (run: () => unknown, args: unknown[]) => unknown) {
  const inner = methods[name];
  if (inner === undefined) throw new Error(`there is no method ${name}`);
  methods[name] = function (this: unknown, ...args: never[]): unknown {
    return around(() => inner.apply(this, args), args);
  };
}

function before(methods: Record<string, Method>, name: string, point: TracePoint): void {
  wrap(methods, name, (run) => {
    note(point);
    return run();
  });
}

function after(methods: Record<string, Method>, name: string, point: TracePoint): void {
  wrap(methods, name, (run) => {
    const result = run();
    note(point);
    return result;
  });
}

new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { startTime, duration } = entry;
    if (duration < MIN_GC_MS) continue;
    const { detail } = entry as PerformanceEntry & { readonly detail: { readonly kind: number } };
    write({ point: 'gc', atMs: startTime + offsetMs, forMs: duration, detail: `${detail.kind}` });
  }
}).observe({ entryTypes: ['gc'] });

if (isMainThread) {
  before(await methodsOf('watch/line-splitter', 'LineSplitter'), 'push', 'received');
  before(await methodsOf('watch/change-coalescer', 'ChangeCoalescer'), 'noteEndpoints', 'decoded');
  before(await methodsOf('control/control-loop', 'ControlLoop'), 'onSnapshot', 'emitted');
  const pool = await methodsOf('control/worker-pool', 'WorkerPool');
  before(pool, 'applyEndpoints', 'compiled');
  after(pool, 'applyEndpoints', 'posted');
} else {
  after(await methodsOf('balancer/upstream-registry', 'UpstreamRegistry'), 'applyEndpoints', 'applied');
}
