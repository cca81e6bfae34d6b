/** Families by route. A route that has not served anything yet has no series: most of 10,000 routes are idle. */
import { DURATION_BUCKETS_MS } from '../model/worker-stats.ts';
import {
  counter,
  type HistogramCounts,
  histogram,
  type Labels,
  type MetricFamily,
  type Sample,
} from './metric-family.ts';
import type { RouteProvenance, Scrape } from './scrape.ts';
import type { RouteSum } from './stats-sum.ts';

const BOUNDS_SECONDS: readonly number[] = DURATION_BUCKETS_MS.map((bound) => bound / 1000);

export function routeFamilies(scrape: Scrape): readonly MetricFamily[] {
  const requests: Sample[] = [];
  const aborts: Sample[] = [];
  const requestBytes: Sample[] = [];
  const responseBytes: Sample[] = [];
  const durations: HistogramCounts[] = [];
  const splitRequests: Sample[] = [];
  const splitFailures: Sample[] = [];
  const fallbacks: Sample[] = [];
  for (const [sum, route] of activeRoutes(scrape)) {
    const sharedLabels = toLabels(sum.routeId, route);
    for (const [at, value] of sum.statusClasses.entries()) {
      requests.push({ labels: { status_class: `${at + 1}xx` }, sharedLabels, value });
    }
    aborts.push({ labels: {}, sharedLabels, value: sum.clientAborts });
    requestBytes.push({ labels: {}, sharedLabels, value: sum.requestBytes });
    responseBytes.push({ labels: {}, sharedLabels, value: sum.responseBytes });
    const seconds = sum.durationSumMs / 1000;
    durations.push({ labels: sharedLabels, boundsSeconds: BOUNDS_SECONDS, counts: sum.durationBuckets, sum: seconds });
    for (const split of sum.split) {
      const labels = { upstream: split.upstreamId, canary: String(split.canary) };
      splitRequests.push({ labels, sharedLabels, value: split.requests });
      splitFailures.push({ labels, sharedLabels, value: split.failures });
      if (split.canary) fallbacks.push({ labels, sharedLabels, value: split.fallbacks });
    }
  }
  return [
    counter('sluice_requests_total', 'Requests answered, by route and status class.', requests),
    counter('sluice_client_aborts_total', 'Requests whose client left before an answer.', aborts),
    counter('sluice_request_bytes_total', 'Bytes received from clients.', requestBytes),
    counter('sluice_response_bytes_total', 'Bytes sent to clients.', responseBytes),
    histogram('sluice_request_duration_seconds', 'Time from request head to the last byte of the answer.', durations),
    counter('sluice_split_requests_total', 'Requests by the upstream that the split of a route chose.', splitRequests),
    counter('sluice_split_failures_total', '5xx and broken answers, and fallbacks, by chosen upstream.', splitFailures),
    counter('sluice_split_fallbacks_total', 'Requests that the main upstream took over from a canary.', fallbacks),
  ];
}

/** Routes of the running configuration that have served something, with where they come from. */
export function* activeRoutes(scrape: Scrape): Generator<readonly [RouteSum, RouteProvenance]> {
  for (const sum of scrape.sum.routes.values()) {
    const route = scrape.routes.get(sum.routeId);
    const served = sum.clientAborts > 0 || sum.statusClasses.some((count) => count > 0);
    if (route !== undefined && served) yield [sum, route];
  }
}

export function toLabels(routeId: string, route: RouteProvenance): Labels {
  // Hosts and paths may repeat (conditions, path kinds), so the id is what keeps two series apart.
  const ingress = route.kind === 'Ingress' ? route.name : '';
  return { route: routeId, host: route.host, path: route.path, namespace: route.namespace, ingress };
}
