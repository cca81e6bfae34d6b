/**
 * What is known of a release, as the text that is stored with it. Sluice writes it, but whoever may write the object can
 * change it: so it is read like anything else from outside.
 */
import type { ReleasePhase, ReleaseState } from './release.ts';
import { MAX_RELEASE_STEPS } from './release-plan.ts';
import type { Parsed } from './release-text.ts';

const PHASES: readonly ReleasePhase[] = ['running', 'paused', 'aborted', 'completed', 'expired'];

/** Enough for every field at its longest, with each character of `reason` escaped. */
const MAX_LENGTH = 4_096;
const MAX_REASON_LENGTH = 512;
const REVISION = /^[0-9A-Za-z._-]{1,64}$/;
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;

/** Fields it does not know are passed over: a later version may have written them. */
export function parseReleaseState(text: string): Parsed<ReleaseState> {
  if (text.length > MAX_LENGTH) return { problem: `expected at most ${MAX_LENGTH} characters` };
  const record = readRecord(text);
  if (record === null) return { problem: 'expected a JSON object' };
  const { revision, reason } = record;
  const phase = PHASES.find((known) => known === record['phase']);
  if (typeof revision !== 'string' || !REVISION.test(revision)) return { problem: 'expected a revision' };
  if (phase === undefined) return { problem: `expected a phase of ${PHASES.join(', ')}` };
  if (typeof reason !== 'string' || reason.length > MAX_REASON_LENGTH) {
    return { problem: `expected a reason of at most ${MAX_REASON_LENGTH} characters` };
  }
  const step = toCount(record['step']);
  if (step === null || step >= MAX_RELEASE_STEPS) {
    return { problem: `expected a step from 0 to ${MAX_RELEASE_STEPS - 1}` };
  }
  const [beganAt, changedAt, elapsedMs, earlierFailures] = [
    toCount(record['beganAt']),
    toCount(record['changedAt']),
    toCount(record['elapsedMs']),
    toCount(record['earlierFailures']),
  ];
  if (beganAt === null || changedAt === null || elapsedMs === null || earlierFailures === null) {
    return { problem: 'expected whole numbers for beganAt, changedAt, elapsedMs and earlierFailures' };
  }
  const counts = { step, beganAt, changedAt, elapsedMs, earlierFailures };
  return { value: { revision, phase, ...counts, reason: toPlainText(reason) } };
}

/** What `parseReleaseState` reads. */
export function formatReleaseState(state: ReleaseState): string {
  const { revision, phase, step, beganAt, changedAt, elapsedMs, earlierFailures } = state;
  return JSON.stringify({
    revision,
    phase,
    step,
    beganAt: Math.round(beganAt),
    changedAt: Math.round(changedAt),
    elapsedMs: Math.round(elapsedMs),
    earlierFailures,
    reason: toPlainText(state.reason),
  });
}

/**
 * What stands for a state that cannot be read: nobody goes on from it, and nothing is written over what somebody may still
 * want to see.
 */
export function unreadableState(revision: string): ReleaseState {
  return {
    revision,
    phase: 'aborted',
    step: 0,
    beganAt: 0,
    changedAt: 0,
    elapsedMs: 0,
    earlierFailures: 0,
    reason: 'the stored state cannot be read',
  };
}

function readRecord(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function toCount(value: unknown): number | null {
  // `Math.abs`: JSON has a -0.
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? Math.abs(value) : null;
}

/** One line, not too long, and no half of a pair of code units. */
function toPlainText(reason: string): string {
  return reason.toWellFormed().replaceAll(CONTROL, ' ').slice(0, MAX_REASON_LENGTH).toWellFormed();
}
