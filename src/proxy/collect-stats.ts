/** Copies everything this worker counts into one plain object, at scrape time only. */
import { collectEndpointRows, collectRouteRows, collectUpstreamRows } from '../live/stats-rows.ts';
import type { WorkerStats } from '../model/worker-stats.ts';
import type { WorkerContext } from './worker-context.ts';

export function collectStats(worker: WorkerContext): WorkerStats {
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
    routes: collectRouteRows(live),
    endpoints: collectEndpointRows(live),
    upstreams: collectUpstreamRows(live),
    mirror: worker.mirrors.state,
  };
}
