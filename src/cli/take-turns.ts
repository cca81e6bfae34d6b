/** Does long work of a worker in short pieces, so that no request waits for all of it. */
import { setImmediate } from 'node:timers/promises';
import type { Steps } from '../model/steps.ts';

/** Shorter than most requests take; the way round the event loop costs a tenth of it. */
const PIECE_MS = 0.25;
/** Of what a turn took others: a worker that has much to do must not leave the work, and what waits behind it, lying. */
const SHARE = 0.5;

/**
 * @param onTurn before each piece but the first
 * @throws what the work throws, and what `onTurn` throws, which ends the work
 */
export async function takeTurns<T>(
  steps: Steps<T>,
  onTurn: () => void,
  readMs: () => number = () => performance.now(),
): Promise<T> {
  let beganMs = readMs();
  let pieceMs = PIECE_MS;
  let step = steps.next();
  while (step.done !== true) {
    const nowMs = readMs();
    if (nowMs - beganMs >= pieceMs) {
      await setImmediate();
      try {
        onTurn();
      } catch (error) {
        step = steps.throw(error);
        continue;
      }
      beganMs = readMs();
      pieceMs = Math.max(PIECE_MS, (beganMs - nowMs) * SHARE);
    }
    step = steps.next();
  }
  return step.value;
}
