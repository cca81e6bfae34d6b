/** What `/debug/mirror` shows: what became of the copies of each route, and the newest answers that differed. */
import { addMirror } from '../metrics/stats-sum.ts';
import type { MirrorSample, MirrorStatsRow, WorkerStats } from '../model/worker-stats.ts';

export interface MirrorDump {
  /** Copies under way now. */
  readonly inFlight: number;
  /** Held for copies now. */
  readonly bufferedBytes: number;
  readonly routes: readonly (MirrorStatsRow & { readonly route: string })[];
  /** Newest first. */
  readonly samples: readonly (Omit<MirrorSample, 'timeMs'> & { readonly time: string })[];
}

/** Of the workers that run now: those that are gone took their counts and samples along. */
export function dumpMirror(workers: readonly WorkerStats[]): MirrorDump {
  const routes = new Map<string, MirrorStatsRow>();
  for (const { routeId, mirror } of workers.flatMap((worker) => worker.routes)) {
    if (mirror !== null) routes.set(routeId, addMirror(routes.get(routeId) ?? null, mirror));
  }
  const samples = workers.flatMap(({ mirror }) => mirror.samples).toSorted((a, b) => b.timeMs - a.timeMs);
  return {
    inFlight: workers.reduce((sum, { mirror }) => sum + mirror.inFlight, 0),
    bufferedBytes: workers.reduce((sum, { mirror }) => sum + mirror.bufferedBytes, 0),
    routes: Array.from(routes, ([route, row]) => ({ route, ...row })),
    samples: samples.map(({ timeMs, ...sample }) => ({ time: new Date(timeMs).toISOString(), ...sample })),
  };
}
