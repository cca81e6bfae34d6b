/** Families by upstream and endpoint. */
import { counter, gauge, type Labels, type MetricFamily, type Sample } from './metric-family.ts';
import type { Scrape } from './scrape.ts';
import type { EndpointSum } from './stats-sum.ts';

export function endpointFamilies(scrape: Scrape): readonly MetricFamily[] {
  const rows = [...scrape.sum.endpoints.values()].flatMap((ofUpstream) => [...ofUpstream.values()]);
  const each = (value: (row: EndpointSum) => number): readonly Sample[] =>
    rows.map((row) => ({ labels: toLabels(row), value: value(row) }));
  const connections = rows.flatMap((row) => [
    { labels: { ...toLabels(row), state: 'active' }, value: row.openConnections - row.idleConnections },
    { labels: { ...toLabels(row), state: 'idle' }, value: row.idleConnections },
  ]);
  const probes = scrape.probes.flatMap((row) => [
    { labels: { ...toLabels(row), result: 'success' }, value: row.succeeded },
    { labels: { ...toLabels(row), result: 'failure' }, value: row.failed },
  ]);
  return [
    gauge(
      'sluice_endpoint_healthy',
      'Share of workers that regard the endpoint as healthy: 1 = all, 0 = none.',
      each((row) => (row.reporters === 0 ? 0 : row.healthyReporters / row.reporters)),
    ),
    gauge(
      'sluice_endpoint_weight',
      'Weight of the endpoint; 0 = no new requests.',
      each((row) => row.weight),
    ),
    gauge(
      'sluice_endpoint_requests_in_flight',
      'Requests the endpoint is working on.',
      each((row) => row.inFlight),
    ),
    gauge('sluice_endpoint_connections', 'Open connections to the endpoint.', connections),
    counter(
      'sluice_endpoint_requests_total',
      'Attempts sent to the endpoint.',
      each((row) => row.requests),
    ),
    counter(
      'sluice_endpoint_failures_total',
      'Attempts that failed.',
      each((row) => row.failures),
    ),
    counter(
      'sluice_endpoint_connect_failures_total',
      'Connections that could not be opened.',
      each((row) => row.connectFailures),
    ),
    counter(
      'sluice_endpoint_retries_total',
      'Attempts after the first one of a request.',
      each((row) => row.retries),
    ),
    counter('sluice_endpoint_probes_total', 'Active health probes, by result.', probes),
  ];
}

function toLabels(row: { readonly upstreamId: string; readonly endpointId: string }): Labels {
  return { upstream: row.upstreamId, endpoint: row.endpointId };
}
