/**
 * Prints all metrics of the process. Counters are plain numbers elsewhere and are read here, when somebody scrapes.
 * The only user of prom-client, which brings the metrics of the Node process and the text format.
 */
import { setImmediate } from 'node:timers/promises';
import { collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import type { WorkerStats } from '../model/worker-stats.ts';
import { admissionFamilies } from './admission-families.ts';
import { controlFamilies } from './control-families.ts';
import { endpointFamilies } from './endpoint-families.ts';
import { healthFamilies } from './health-families.ts';
import type { MetricFamily } from './metric-family.ts';
import { mirrorFamilies } from './mirror-families.ts';
import { type NginxIdentity, nginxFamilies } from './nginx-families.ts';
import { releaseFamilies } from './release-families.ts';
import { routeFamilies } from './route-families.ts';
import type { ControlStatus, RouteProvenance, Scrape } from './scrape.ts';
import { upstreamFamilies } from './upstream-families.ts';
import { WorkerTotals } from './worker-totals.ts';

export interface MetricsOptions {
  /** Asks every worker; those that do not answer in time are left out. */
  readonly collectWorkers: () => Promise<readonly WorkerStats[]>;
  readonly control: () => ControlStatus;
  /** Routes of the running configuration by id. */
  readonly routes: () => ReadonlyMap<string, RouteProvenance>;
  readonly certificates: () => Scrape['certificates'];
  readonly health: () => Scrape['health'];
  /** Null = no `nginx_ingress_controller_*` metrics. */
  readonly nginx: NginxIdentity | null;
  readonly version: string;
}

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
      sum: this.#totals.update(workers, (routeId) => routes.has(routeId)),
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
    let text = '';
    for (const family of families) {
      if (family.samples.length === 0) continue;
      text += await printFamily(family);
      // With 10,000 busy routes a family takes a good part of a second: a change of endpoints must not wait for all of them.
      await setImmediate();
    }
    return text + (await this.#process.metrics());
  }
}

function printFamily(family: MetricFamily): Promise<string> {
  const registry = new Registry();
  registry.registerMetric(toMetric(family));
  return registry.metrics();
}

/**
 * prom-client's own metric classes count one event at a time and cannot take over finished totals, least of all those of
 * a histogram. All its registry asks of a metric is a name and `get()`.
 */
function toMetric(family: MetricFamily): Metric {
  const { name, help, type, samples } = family;
  const metric: unknown = { name, help, type, get: async () => ({ name, help, type, values: samples }) };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return metric as Metric;
}
