/** Waiting for a condition of this process that nobody reports: asked again in every round of the event loop. */
import { setImmediate } from 'node:timers/promises';

const GIVE_UP_MS = 30_000;

export async function eventuallyTrue(holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + GIVE_UP_MS;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`still not so after ${GIVE_UP_MS} ms: ${holds.toString()}`);
    await setImmediate();
  }
}
