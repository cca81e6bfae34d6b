/**
 * Families by upstream and endpoint. An endpoint that never got a request, and with which nothing is wrong, has no series: of
 * 100,000 endpoints these were 900,000 lines, 85 MB a scrape.
 */
import { counter, gauge, type Labels, type MetricFamily, type Sample } from './metric-family.ts';
import type { Scrape } from './scrape.ts';
import type { EndpointSum } from './stats-sum.ts';

export function endpointFamilies(scrape: Scrape): readonly MetricFamily[] {
  const sums = scrape.sum.endpoints.values().flatMap((ofUpstream) => ofUpstream.values());
  const rows = Array.from(sums.filter(isNotable), (row) => ({ row, sharedLabels: toLabels(row) }));
  // What is true now only workers know: while none of them answers, it is not told.
  const told = rows.filter(({ row }) => row.reporters > 0);
  const total = (value: (row: EndpointSum) => number): Iterable<Sample> =>
    rows.values().map(({ row, sharedLabels }) => ({ labels: {}, sharedLabels, value: value(row) }));
  const now = (value: (row: EndpointSum) => number): Iterable<Sample> =>
    told.values().map(({ row, sharedLabels }) => ({ labels: {}, sharedLabels, value: value(row) }));
  const connections = told.values().flatMap(({ row, sharedLabels }) => [
    { labels: { state: 'active' }, sharedLabels, value: row.openConnections - row.idleConnections },
    { labels: { state: 'idle' }, sharedLabels, value: row.idleConnections },
  ]);
  const everEjected = rows.filter(({ row }) => row.ejections.size > 0 || row.ejectingReporters > 0);
  const ejected = everEjected
    .filter(({ row }) => row.reporters > 0)
    .map(({ row, sharedLabels }) => ({ labels: {}, sharedLabels, value: row.ejectingReporters / row.reporters }));
  const ejections = everEjected.flatMap(({ row, sharedLabels }) =>
    Array.from(row.ejections, ([reason, value]) => ({ labels: { reason }, sharedLabels, value })),
  );
  return [
    gauge(
      'sluice_endpoint_ejected',
      'Share of workers that send the endpoint no requests because of what it answered; only of endpoints that ever were.',
      ejected,
    ),
    counter('sluice_endpoint_ejections_total', 'Times the endpoint was ejected, by reason.', ejections),
    gauge(
      'sluice_endpoint_healthy',
      'Share of workers that regard the endpoint as healthy: 1 = all, 0 = none; not of healthy ones that never got a request.',
      now((row) => row.healthyReporters / row.reporters),
    ),
    gauge(
      'sluice_endpoint_weight',
      'Weight of the endpoint; 0 = no new requests.',
      now((row) => row.weight),
    ),
    gauge(
      'sluice_endpoint_requests_in_flight',
      'Requests the endpoint is working on.',
      now((row) => row.inFlight),
    ),
    gauge('sluice_endpoint_connections', 'Open connections to the endpoint.', connections),
    counter(
      'sluice_endpoint_requests_total',
      'Attempts sent to the endpoint.',
      total((row) => row.requests),
    ),
    counter(
      'sluice_endpoint_failures_total',
      'Attempts that failed.',
      total((row) => row.failures),
    ),
    counter(
      'sluice_endpoint_connect_failures_total',
      'Connections that could not be opened.',
      total((row) => row.connectFailures),
    ),
    counter(
      'sluice_endpoint_retries_total',
      'Attempts after the first one of a request.',
      total((row) => row.retries),
    ),
  ];
}

function toLabels(row: EndpointSum): Labels {
  return { upstream: row.upstreamId, endpoint: row.endpointId };
}

function isNotable(row: EndpointSum): boolean {
  const { requests, connectFailures, openConnections, reporters, healthyReporters, ejectingReporters, ejections } = row;
  const asked = requests > 0 || connectFailures > 0 || openConnections > 0;
  return asked || healthyReporters < reporters || ejectingReporters > 0 || ejections.size > 0;
}
