/**
 * Totals over all workers that never go down: what a worker counted outlives it. Series of routes and endpoints that no
 * longer exist are forgotten, so that memory is bounded by the running configuration.
 */
import type { WorkerStats } from '../model/worker-stats.ts';
import { StatsSum } from './stats-sum.ts';

type Progress = Pick<WorkerStats, 'requests' | 'connections'>;

/** What the running configuration holds: a worker tells nothing of what nobody asks for. */
export interface Existing {
  readonly hasRoute: (routeId: string) => boolean;
  readonly hasUpstream: (upstreamId: string) => boolean;
  /** Null = there is no such endpoint. */
  readonly weightOf: (upstreamId: string, endpointId: string) => number | null;
}

export class WorkerTotals {
  /** The newest report of each worker that has not been retired. */
  readonly #newest = new Map<number, WorkerStats>();
  readonly #retired = new StatsSum();
  /** How far workers were that have been retired. */
  readonly #lastWords = new Map<number, Progress>();

  /**
   * `reports` are those of the workers that answered. One that did not, and has not been retired, keeps its last totals
   * but takes no part in what is true now.
   */
  update(reports: readonly WorkerStats[], existing: Existing): StatsSum {
    for (const report of reports) {
      const last = this.#lastWords.get(report.workerId);
      // It died while others were waited for.
      if (last !== undefined && !startedOver(last, report)) continue;
      const before = this.#newest.get(report.workerId);
      // A new thread under the id of a dead one starts from zero.
      if (before !== undefined && startedOver(before, report)) this.retire(report.workerId);
      this.#newest.set(report.workerId, report);
    }
    const sum = new StatsSum();
    sum.addSum(this.#retired);
    for (const report of this.#newest.values()) sum.addCounters(report);
    for (const report of reports) sum.addGauges(report);
    this.#forgetRoutes(sum, existing);
    // Without any report nothing can be said about which endpoints still exist.
    if (reports.length > 0) {
      this.#settleEndpoints(sum, reports.length, existing);
      this.#settleUpstreams(sum, reports.length, existing);
    }
    return sum;
  }

  /** The worker is gone for good; its last known totals stay. */
  retire(workerId: number): void {
    const last = this.#newest.get(workerId);
    if (last === undefined) return;
    this.#retired.addCounters(last);
    this.#newest.delete(workerId);
    const { requests, connections } = last;
    this.#lastWords.set(workerId, { requests, connections });
  }

  #forgetRoutes(sum: StatsSum, { hasRoute }: Existing): void {
    for (const routeId of sum.routes.keys()) {
      if (hasRoute(routeId)) continue;
      sum.routes.delete(routeId);
      this.#retired.routes.delete(routeId);
    }
  }

  /** One that nobody tells of and that does not exist is forgotten; who does not tell of one has nothing to complain of. */
  #settleUpstreams(sum: StatsSum, workers: number, { hasUpstream }: Existing): void {
    for (const [upstreamId, row] of sum.upstreams) {
      if (row.reporters > 0 || hasUpstream(upstreamId)) {
        row.reporters = workers;
        continue;
      }
      sum.upstreams.delete(upstreamId);
      this.#retired.upstreams.delete(upstreamId);
    }
  }

  #settleEndpoints(sum: StatsSum, workers: number, { weightOf }: Existing): void {
    for (const [upstreamId, rows] of sum.endpoints) {
      for (const [endpointId, row] of rows) {
        const weight = row.reporters > 0 ? row.weight : weightOf(upstreamId, endpointId);
        if (weight !== null) {
          row.weight = weight;
          row.healthyReporters += workers - row.reporters;
          row.reporters = workers;
          continue;
        }
        rows.delete(endpointId);
        this.#retired.endpoints.get(upstreamId)?.delete(endpointId);
      }
      if (rows.size > 0) continue;
      sum.endpoints.delete(upstreamId);
      this.#retired.endpoints.delete(upstreamId);
    }
  }
}

function startedOver(before: Progress, now: WorkerStats): boolean {
  return now.requests.total < before.requests.total || now.connections.accepted < before.connections.accepted;
}
