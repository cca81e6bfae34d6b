/** Which of two states of one release counts, where one was stored and another was decided here. */
import type { ReleaseState } from './release.ts';

/** The canary has no share any more; nothing but another revision changes that. */
export function isStop({ phase }: ReleaseState): boolean {
  return phase === 'aborted' || phase === 'expired';
}

/**
 * Whether `decided` counts, and not `stored`. A release that was stopped stays so, whatever others who do not know yet go on
 * with, and what is stored says that already; otherwise the later one counts.
 */
export function outranks(decided: ReleaseState, stored: ReleaseState | null): boolean {
  if (stored === null) return true;
  if (decided.revision === stored.revision && (isStop(decided) || isStop(stored))) return !isStop(stored);
  return decided.changedAt > stored.changedAt;
}
