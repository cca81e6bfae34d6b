/** Families about the admission webhook, where there is one. */
import { counter, histogram, type MetricFamily } from './metric-family.ts';
import type { Scrape } from './scrape.ts';

export function admissionFamilies({ control: { admission } }: Scrape): readonly MetricFamily[] {
  if (admission === null) return [];
  const { results, boundsSeconds, durationCounts: counts, durationSumSeconds: sum } = admission;
  return [
    counter(
      'sluice_admission_reviews_total',
      'Admission reviews by result: ignored ones are allowed because they are about nothing of ours, failed ones were not answered.',
      Object.entries(results).map(([result, value]) => ({ labels: { result }, value })),
    ),
    histogram('sluice_admission_duration_seconds', 'Time to judge an admission review, once it has been read.', [
      { labels: {}, boundsSeconds, counts, sum },
    ]),
  ];
}
