/** Families by upstream: panics, retries, backups and limits. An upstream that never had any of it has no series. */
import { counter, gauge, type MetricFamily, type Sample } from './metric-family.ts';
import type { Scrape } from './scrape.ts';
import type { UpstreamSum } from './stats-sum.ts';

export function upstreamFamilies(scrape: Scrape): readonly MetricFamily[] {
  const rows = [...scrape.sum.upstreams.values()];
  const each = (value: (row: UpstreamSum) => number): readonly Sample[] =>
    rows.flatMap((row) => {
      const count = value(row);
      return count === 0 ? [] : [{ labels: { upstream: row.upstreamId }, value: count }];
    });
  const retries = rows.flatMap(({ upstreamId, retries: reasons }) =>
    Array.from(reasons, ([reason, value]) => ({ labels: { upstream: upstreamId, reason }, value })),
  );
  const limited = rows.filter(({ pending, rejected, queueTimeouts }) => pending + rejected + queueTimeouts > 0);
  const rejected = limited.flatMap((row) => [
    { labels: { upstream: row.upstreamId, reason: 'queue-full' }, value: row.rejected },
    { labels: { upstream: row.upstreamId, reason: 'queue-timeout' }, value: row.queueTimeouts },
  ]);
  const everPanicked = rows.filter(({ panics }) => panics > 0);
  const panicking = everPanicked.map(({ upstreamId, reporters, panickingReporters }) => {
    return { labels: { upstream: upstreamId }, value: reporters === 0 ? 0 : panickingReporters / reporters };
  });
  const pending = limited.map((row) => ({ labels: { upstream: row.upstreamId }, value: row.pending }));
  return [
    gauge(
      'sluice_upstream_panicking',
      'Share of workers that ignore health, because too few endpoints are healthy; only of upstreams where that ever was.',
      panicking,
    ),
    counter(
      'sluice_upstream_panics_total',
      'Times a worker began to ignore health, because too few endpoints were healthy.',
      each((row) => row.panics),
    ),
    counter('sluice_upstream_retries_total', 'Requests sent again, by what was wrong with the try before.', retries),
    counter(
      'sluice_upstream_retry_budget_exhausted_total',
      'Retries that did not take place, because the retry budget of the upstream was spent.',
      each((row) => row.budgetExhausted),
    ),
    counter(
      'sluice_upstream_backup_requests_total',
      'Requests that went on to the backup of the upstream.',
      each((row) => row.backupRequests),
    ),
    gauge('sluice_upstream_pending_requests', 'Requests that wait for room at the upstream.', pending),
    counter(
      'sluice_upstream_rejected_requests_total',
      'Requests answered 503, because the upstream had no room and they could not wait (any longer).',
      rejected,
    ),
  ];
}
