/**
 * The names that dashboards, alerts and release tools made for ingress-nginx read, as far as our counters can answer
 * truthfully: `status` is a class (`2xx`), as with that controller's `--report-status-classes`; `method` and `canary` are
 * left out, because nothing is counted by them.
 */
import { DURATION_BUCKETS_MS } from '../model/worker-stats.ts';
import { certificateHosts, uniqueByLabels } from './control-families.ts';
import {
  counter,
  gauge,
  type HistogramCounts,
  histogram,
  type Labels,
  type MetricFamily,
  type Sample,
  single,
} from './metric-family.ts';
import { activeRoutes } from './route-families.ts';
import type { RouteProvenance, Scrape } from './scrape.ts';
import { addEach, type RouteSum } from './stats-sum.ts';

/** Labels on nearly every metric. */
export interface NginxIdentity {
  /** POD_NAMESPACE. */
  readonly controllerNamespace: string;
  /** `--controller-name`. */
  readonly controllerClass: string;
  /** POD_NAME. */
  readonly controllerPod: string;
}

const PREFIX = 'nginx_ingress_controller_';
const BUCKETS_MS: readonly number[] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];
const BUCKETS_SECONDS: readonly number[] = BUCKETS_MS.map((bound) => bound / 1000);

export function nginxFamilies(scrape: Scrape, identity: NginxIdentity): readonly MetricFamily[] {
  const constant = {
    controller_class: identity.controllerClass,
    controller_namespace: identity.controllerNamespace,
    controller_pod: identity.controllerPod,
  };
  return [
    ...requestFamilies(scrape, constant),
    ...controllerFamilies(scrape).map((family) => withLabels(family, constant)),
    certificateFamily(scrape, identity),
  ];
}

function withLabels(family: MetricFamily, sharedLabels: Labels): MetricFamily {
  return { ...family, samples: Array.from(family.samples, (sample) => ({ ...sample, sharedLabels })) };
}

function requestFamilies(scrape: Scrape, constant: Labels): readonly MetricFamily[] {
  const rows = new Map<string, RequestRow>();
  for (const [sum, route] of activeRoutes(scrape)) {
    if (route.kind !== 'Ingress') continue;
    const labels = toLabels(route, sum);
    // Exact and Prefix of one path are two routes of ours and one series there, so values are added up.
    const key = Object.values(labels).join('\n');
    const row = rows.get(key) ?? emptyRow({ ...labels, ...constant });
    rows.set(key, row);
    addEach(row.statusClasses, sum.statusClasses);
    addEach(row.counts, toNginxBuckets(sum.durationBuckets));
    row.sum += sum.durationSumMs / 1000;
  }
  const requests: Sample[] = [];
  for (const { statusClasses, labels: sharedLabels } of rows.values()) {
    for (const [at, value] of statusClasses.entries()) {
      requests.push({ labels: { status: `${at + 1}xx` }, sharedLabels, value });
    }
  }
  return [
    counter(`${PREFIX}requests`, 'Requests answered.', requests),
    histogram(`${PREFIX}request_duration_seconds`, 'Request processing time in seconds.', [...rows.values()]),
  ];
}

interface RequestRow extends HistogramCounts {
  readonly statusClasses: number[];
  readonly counts: number[];
  sum: number;
}

function emptyRow(labels: Labels): RequestRow {
  return { labels, statusClasses: [], boundsSeconds: BUCKETS_SECONDS, counts: [], sum: 0 };
}

function toLabels(route: RouteProvenance, sum: RouteSum): Labels {
  // An upstream of an Ingress is named `namespace/service/port`.
  const main = sum.split.find((side) => !side.canary)?.upstreamId ?? '';
  const service = main.split('/')[1] ?? '';
  return { host: route.host, ingress: route.name, namespace: route.namespace, path: route.path, service };
}

/** Our bounds hold all of nginx's and some finer ones, whose counts go into the next coarser bucket. */
function toNginxBuckets(counts: readonly number[]): readonly number[] {
  const coarse: number[] = Array.from({ length: BUCKETS_MS.length + 1 }, () => 0);
  for (const [at, count] of counts.entries()) {
    const bound = DURATION_BUCKETS_MS[at] ?? Infinity;
    const into = BUCKETS_MS.findIndex((limit) => bound <= limit);
    const place = into === -1 ? BUCKETS_MS.length : into;
    coarse[place] = (coarse[place] ?? 0) + count;
  }
  return coarse;
}

function controllerFamilies({ control, sum }: Scrape): readonly MetricFamily[] {
  const unrouted = sum.unrouted.values().reduce((total, count) => total + count, 0);
  const leader =
    control.leader === null
      ? []
      : [{ labels: { name: control.leader.electionId }, value: Number(control.leader.isLeader) }];
  return [
    gauge(
      `${PREFIX}config_last_reload_successful`,
      'Whether the last configuration change could be applied.',
      single(Number(control.lastApplySucceeded)),
    ),
    gauge(
      `${PREFIX}config_last_reload_successful_timestamp_seconds`,
      'Time of the last configuration change that was applied.',
      single(control.lastAppliedAt / 1000),
    ),
    counter(`${PREFIX}success`, 'Configuration changes applied.', single(control.applied)),
    counter(`${PREFIX}errors`, 'Configuration changes that failed.', single(control.applyFailures)),
    gauge(`${PREFIX}leader_election_status`, '1 for the leader, 0 for the others.', leader),
    gauge(`${PREFIX}nginx_process_connections`, 'Open client connections.', [
      { labels: { state: 'active' }, value: sum.activeConnections },
    ]),
    counter(`${PREFIX}nginx_process_connections_total`, 'Client connections so far.', [
      { labels: { state: 'accepted' }, value: sum.accepted },
    ]),
    counter(`${PREFIX}nginx_process_requests_total`, 'Requests so far.', single(sum.totalRequests + unrouted)),
    counter(`${PREFIX}nginx_process_cpu_seconds_total`, 'CPU time used.', single(cpuSeconds())),
    gauge(`${PREFIX}nginx_process_resident_memory_bytes`, 'Memory in use.', single(process.memoryUsage.rss())),
  ];
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function certificateFamily({ certificates }: Scrape, identity: NginxIdentity): MetricFamily {
  const samples = certificates.flatMap((certificate) =>
    certificateHosts(certificate).map((host) => ({
      labels: {
        class: identity.controllerClass,
        host,
        namespace: certificate.source.namespace,
        secret_name: certificate.source.name,
      },
      value: certificate.notAfter / 1000,
    })),
  );
  const help = 'Number of seconds since 1970 to the end of the certificate.';
  return gauge(`${PREFIX}ssl_expire_time_seconds`, help, uniqueByLabels(samples));
}
