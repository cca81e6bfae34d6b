/** Families of mirroring. Routes that mirror nothing have no series. */
import { counter, gauge, type MetricFamily, type Sample, single } from './metric-family.ts';
import { activeRoutes, toLabels } from './route-families.ts';
import type { Scrape } from './scrape.ts';

export function mirrorFamilies(scrape: Scrape): readonly MetricFamily[] {
  const results: Sample[] = [];
  const drops: Sample[] = [];
  const comparisons: Sample[] = [];
  for (const [{ routeId, mirror }, route] of activeRoutes(scrape)) {
    if (mirror === null) continue;
    const sharedLabels = toLabels(routeId, route);
    for (const [result, value] of Object.entries(mirror.results)) {
      results.push({ labels: { result }, sharedLabels, value });
    }
    for (const [reason, value] of Object.entries(mirror.drops)) drops.push({ labels: { reason }, sharedLabels, value });
    for (const [result, value] of Object.entries(mirror.comparisons)) {
      comparisons.push({ labels: { result }, sharedLabels, value });
    }
  }
  return [
    counter(
      'sluice_mirror_requests_total',
      'Copies of requests sent to mirror targets, by what became of them.',
      results,
    ),
    counter('sluice_mirror_dropped_total', 'Copies of requests that were not sent, by the reason.', drops),
    counter(
      'sluice_mirror_compared_total',
      'Answers compared with those of mirror targets, by what differs first.',
      comparisons,
    ),
    gauge('sluice_mirror_in_flight', 'Copies under way to mirror targets.', single(scrape.sum.mirrorsInFlight)),
    gauge(
      'sluice_mirror_buffered_bytes',
      'Bytes of request bodies held for copies.',
      single(scrape.sum.mirrorBufferedBytes),
    ),
  ];
}
