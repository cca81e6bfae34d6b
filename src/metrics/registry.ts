/**
 * Prints all metrics of the process. Counters are plain numbers elsewhere and are read here, when somebody scrapes.
 * The only user of prom-client, which brings the metrics of the Node process.
 */
import { setImmediate } from 'node:timers/promises';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { WorkerStats } from '../model/worker-stats.ts';
import { admissionFamilies } from './admission-families.ts';
import { controlFamilies } from './control-families.ts';
import { endpointFamilies } from './endpoint-families.ts';
import { healthFamilies } from './health-families.ts';
import { mirrorFamilies } from './mirror-families.ts';
import { type NginxIdentity, nginxFamilies } from './nginx-families.ts';
import { printFamily } from './print-family.ts';
import { releaseFamilies } from './release-families.ts';
import { routeFamilies } from './route-families.ts';
import type { ControlStatus, RouteProvenance, Scrape } from './scrape.ts';
import { upstreamFamilies } from './upstream-families.ts';
import { type Existing, WorkerTotals } from './worker-totals.ts';

export interface MetricsOptions {
  /** Asks every worker for what is notable; those that do not answer in time are left out. */
  readonly collectWorkers: () => Promise<readonly WorkerStats[]>;
  readonly control: () => ControlStatus;
  /** Routes of the running configuration by id. */
  readonly routes: () => ReadonlyMap<string, RouteProvenance>;
  /** Of the running configuration, too. */
  readonly upstreams: Omit<Existing, 'hasRoute'>;
  readonly certificates: () => Scrape['certificates'];
  readonly health: () => Scrape['health'];
  /** Null = no `nginx_ingress_controller_*` metrics. */
  readonly nginx: NginxIdentity | null;
  readonly version: string;
}

/** Of printing, before others have their turn. */
const SLICE_MS = 5;

export class MetricsRegistry {
  readonly #options: MetricsOptions;
  readonly #process: Registry;
  readonly #totals = new WorkerTotals();
  #rendering: Promise<string> | null = null;

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#process = new Registry();
    collectDefaultMetrics({ register: this.#process });
    const labels = { version: options.version, node: process.version };
    new Gauge({
      name: 'sluice_build_info',
      help: 'Always 1; says in its labels what runs.',
      labelNames: ['version', 'node'],
      registers: [this.#process],
    }).set(labels, 1);
  }

  /** The text of one scrape. Scrapes at the same time share one: a crowd of scrapers costs as much as one. */
  render(): Promise<string> {
    this.#rendering ??= this.#render().finally(() => {
      this.#rendering = null;
    });
    return this.#rendering;
  }

  /** The worker is gone for good; what it counted stays in the totals. */
  retire(workerId: number): void {
    this.#totals.retire(workerId);
  }

  async #render(): Promise<string> {
    const workers = await this.#options.collectWorkers();
    const routes = this.#options.routes();
    const scrape: Scrape = {
      workers,
      sum: this.#totals.update(workers, { ...this.#options.upstreams, hasRoute: (routeId) => routes.has(routeId) }),
      routes,
      certificates: this.#options.certificates(),
      control: this.#options.control(),
      health: this.#options.health(),
    };
    const { nginx } = this.#options;
    const families = [
      ...controlFamilies(scrape),
      ...admissionFamilies(scrape),
      ...routeFamilies(scrape),
      ...releaseFamilies(scrape),
      ...mirrorFamilies(scrape),
      ...upstreamFamilies(scrape),
      ...endpointFamilies(scrape),
      ...healthFamilies(scrape),
      ...(nginx === null ? [] : nginxFamilies(scrape, nginx)),
    ];
    const pieces: string[] = [];
    let begunMs = performance.now();
    for (const family of families) {
      for (const piece of printFamily(family)) {
        pieces.push(piece);
        if (performance.now() - begunMs < SLICE_MS) continue;
        // Thousands of busy routes and endpoints take seconds: a change of endpoints must not wait for all of them.
        await setImmediate();
        begunMs = performance.now();
      }
    }
    pieces.push(await this.#process.metrics());
    return pieces.join('');
  }
}
