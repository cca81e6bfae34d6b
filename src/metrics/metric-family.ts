/** A metric with its samples, ready to be printed: what the family builders return and `print-family.ts` takes. */

export type Labels = Readonly<Record<string, string | number>>;

export interface Sample {
  readonly labels: Labels;
  /** More labels, in an object that samples in a row share: they are then written once, which is most of the work. */
  readonly sharedLabels?: Labels;
  readonly value: number;
  /** Histograms: the name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Can be walked once. */
  readonly samples: Iterable<Sample>;
}

export function counter(name: string, help: string, samples: Iterable<Sample>): MetricFamily {
  return { name, help, type: 'counter', samples };
}

export function gauge(name: string, help: string, samples: Iterable<Sample>): MetricFamily {
  return { name, help, type: 'gauge', samples };
}

/** The one sample of a metric without labels. */
export function single(value: number): readonly Sample[] {
  return [{ labels: {}, value }];
}

/** Counts that are not cumulative, with the upper bounds (in seconds) they belong to; the last count has no bound. */
export interface HistogramCounts {
  readonly labels: Labels;
  readonly boundsSeconds: readonly number[];
  readonly counts: readonly number[];
  readonly sum: number;
}

export function histogram(name: string, help: string, rows: readonly HistogramCounts[]): MetricFamily {
  const samples: Sample[] = [];
  for (const { labels, boundsSeconds, counts, sum } of rows) {
    let cumulative = 0;
    for (const [at, count] of counts.entries()) {
      cumulative += count;
      const le = boundsSeconds[at] ?? '+Inf';
      samples.push({ metricName: `${name}_bucket`, labels: { le }, sharedLabels: labels, value: cumulative });
    }
    samples.push({ metricName: `${name}_sum`, labels: {}, sharedLabels: labels, value: sum });
    samples.push({ metricName: `${name}_count`, labels: {}, sharedLabels: labels, value: cumulative });
  }
  return { name, help, type: 'histogram', samples };
}
