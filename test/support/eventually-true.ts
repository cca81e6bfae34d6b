/** Waiting for a condition of this process that nobody reports: asked again in every round of the event loop. */
import { setImmediate } from 'node:timers/promises';

const GIVE_UP_MS = 30_000;

export async function eventuallyTrue(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + GIVE_UP_MS;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`still not so after ${GIVE_UP_MS} ms: ${holds.toString()}`);
    await setImmediate();
  }
}

/** What follows from what has happened may take a few rounds: promises, and what they ask for in turn. */
const QUIET_ROUNDS = 5;

/** Until what is counted stands still: for tests of what must not happen, or not more often. */
export async function untilQuiet(count: () => number): Promise<void> {
  let last = count();
  let rounds = 0;
  await eventuallyTrue(() => {
    const now = count();
    rounds = now === last ? rounds + 1 : 0;
    last = now;
    return rounds > QUIET_ROUNDS;
  });
}
