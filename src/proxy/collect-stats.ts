/** Copies everything this worker counts into plain objects, at scrape time only. */
import type { StatsRows, WorkerStats } from '../model/worker-stats.ts';
import type { WorkerContext } from './worker-context.ts';

/** @param rows what is left of the rows, see `live/stats-rows.ts` */
export function collectStats(worker: WorkerContext, rows: StatsRows): WorkerStats {
  const { live } = worker;
  const { user, system } = process.threadCpuUsage();
  return {
    workerId: worker.settings.workerId,
    generation: live.current.number,
    connections: {
      active: worker.activeConnections,
      accepted: worker.acceptedConnections,
      refused: worker.refusedConnections,
      refusedPerClient: worker.refusedPerClient,
      acceptErrors: worker.acceptErrors,
      tlsHandshakeErrors: worker.tlsHandshakeErrors,
    },
    requests: {
      active: worker.activeRequests,
      total: worker.totalRequests,
      unrouted: Object.fromEntries(worker.unrouted),
    },
    configApplied: live.configApplied,
    configApplyFailures: live.configApplyFailures,
    cpuSeconds: (user + system) / 1e6,
    ...rows,
    mirror: worker.mirrors.state,
  };
}
