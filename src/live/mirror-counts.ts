/** What became of the copies of one route's requests, as plain numbers. */
import type { MirrorComparison, MirrorDrop, MirrorResult } from '../model/mirror.ts';
import type { MirrorStatsRow } from '../model/worker-stats.ts';

export class MirrorCounts {
  readonly results: Record<MirrorResult, number>;
  readonly drops: Record<MirrorDrop, number>;
  readonly comparisons: Record<MirrorComparison, number>;

  constructor() {
    this.results = { answered: 0, failed: 0, timeout: 0 };
    this.drops = { busy: 0, paused: 0, body: 0, memory: 0, incomplete: 0, target: 0 };
    this.comparisons = { equal: 0, status: 0, headers: 0, body: 0, incomplete: 0 };
  }

  toRow(): MirrorStatsRow {
    return { results: { ...this.results }, drops: { ...this.drops }, comparisons: { ...this.comparisons } };
  }
}
