/** Families about active health checks. What they decide stands with the endpoints. */
import { counter, gauge, type MetricFamily } from './metric-family.ts';
import type { Scrape } from './scrape.ts';

export function healthFamilies({ health }: Scrape): readonly MetricFamily[] {
  return [
    counter('sluice_health_checks_total', 'Active health checks, by what came of them.', [
      { labels: { result: 'success' }, value: health.succeeded },
      { labels: { result: 'failure' }, value: health.failed },
      { labels: { result: 'timeout' }, value: health.timedOut },
    ]),
    counter('sluice_health_transitions_total', 'Addresses that active health checks took out or back.', [
      { labels: { to: 'healthy' }, value: health.becameHealthy },
      { labels: { to: 'unhealthy' }, value: health.becameUnhealthy },
    ]),
    gauge('sluice_health_checked_addresses', 'Addresses under active health checks, by verdict.', [
      { labels: { verdict: 'healthy' }, value: health.healthy },
      { labels: { verdict: 'unhealthy' }, value: health.unhealthy },
    ]),
    gauge('sluice_health_checks_pending', 'Active health checks in flight, and those that are due but have to wait.', [
      { labels: { state: 'in-flight' }, value: health.inFlight },
      { labels: { state: 'waiting' }, value: health.waiting },
    ]),
  ];
}
