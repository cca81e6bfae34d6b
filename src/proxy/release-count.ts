/** What an exchange that has ended says of the release its side of the split belongs to. Hot for routes of a release. */
import type { SideCounts } from '../live/release-counts.ts';
import type { Exchange } from './exchange.ts';
import { isUpstreamFault, Outcome } from './outcome.ts';

/**
 * A failure is a 5xx answer, one that did not come to its end, or an attempt that failed, also where another attempt made up
 * for it. What the client or this machine did wrong is not counted at all. Whoever gave up waiting is counted with the time
 * that took: a canary that is too slow for its clients must not seem to have none.
 */
export function countForRelease(
  exchange: Exchange,
  counts: readonly SideCounts[],
  durationMs: number,
  outcome: Outcome,
): void {
  if (!exchange.comparable) return;
  const failed = exchange.attemptFailed || isUpstreamFault(outcome);
  if (failed || (exchange.status >= 500 && !isOurs(outcome))) {
    for (let i = 0; i < counts.length; i++) (counts[i] as SideCounts).countFailure();
    return;
  }
  // This machine lacked something for the canary; it may have been the same for the other side.
  if (exchange.fellBack) return;
  if (outcome !== Outcome.Ok && !(outcome === Outcome.ClientAborted && exchange.awaitsUpstream)) return;
  // A tunnel lasts as long as its users want.
  const timed = exchange.status !== 101;
  for (let i = 0; i < counts.length; i++) {
    if (timed) (counts[i] as SideCounts).countAnswer(durationMs);
    else (counts[i] as SideCounts).countUntimed();
  }
}

/** Whatever the upstream is like. */
function isOurs(outcome: Outcome): boolean {
  return outcome === Outcome.LocalShortage || outcome === Outcome.RouteClosed;
}
