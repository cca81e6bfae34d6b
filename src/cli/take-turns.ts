/** Does long work of a worker in short pieces, so that no request waits for all of it. */
import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../model/steps.ts';

/** Shorter than most requests take; the way round the event loop costs a tenth of it. */
const PIECE_MS = 0.25;

/**
 * @param onTurn before each piece but the first
 * @throws what the work throws
 */
export async function takeTurns<T>(steps: Steps<T>, onTurn: () => void): Promise<T> {
  let beganMs = performance.now();
  let step = steps.next();
  while (step.done !== true) {
    if (performance.now() - beganMs >= PIECE_MS) {
      await setImmediate();
      onTurn();
      beganMs = performance.now();
    }
    step = steps.next();
  }
  return step.value;
}
