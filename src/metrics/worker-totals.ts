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
  /** By endpoint; empty = there is no such upstream. Asked once for each upstream with endpoints that nobody tells of. */
  readonly weightsOf: (upstreamId: string) => ReadonlyMap<string, number>;
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
    const present = reports.filter((report) => this.#take(report));
    const sum = new StatsSum();
    sum.addSum(this.#retired);
    for (const report of this.#newest.values()) sum.addCounters(report);
    for (const report of present) sum.addGauges(report);
    this.#forgetRoutes(sum, existing);
    // One that has no configuration yet knows nothing of anything.
    const judges = present.filter(({ generation }) => generation > 0).length;
    // Without any of them nothing can be said about which endpoints still exist.
    if (judges > 0) {
      this.#settleEndpoints(sum, judges, existing);
      this.#settleUpstreams(sum, judges, existing);
    }
    return sum;
  }

  /** @returns whether the worker is there: not if it died while others were waited for */
  #take(report: WorkerStats): boolean {
    const last = this.#lastWords.get(report.workerId);
    if (last !== undefined && !startedOver(last, report)) return false;
    const before = this.#newest.get(report.workerId);
    // A new thread under the id of a dead one starts from zero.
    if (before !== undefined && startedOver(before, report)) this.retire(report.workerId);
    this.#newest.set(report.workerId, report);
    return true;
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

  #settleEndpoints(sum: StatsSum, workers: number, { weightsOf }: Existing): void {
    for (const [upstreamId, rows] of sum.endpoints) {
      let weights: ReadonlyMap<string, number> | null = null;
      for (const [endpointId, row] of rows) {
        if (row.reporters === 0) weights ??= weightsOf(upstreamId);
        const weight = row.reporters > 0 ? row.weight : weights?.get(endpointId);
        if (weight !== undefined) {
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
