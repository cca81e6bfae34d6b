/** Asking again and again until the answer is the wanted one: how a client sees a change arrive. */
import { setTimeout } from 'node:timers/promises';

const GIVE_UP_MS = 60_000;
/** Other tests run meanwhile: who waits leaves the processors to them. */
const PAUSE_MS = 20;

/** The first answer for which `holds` is true, asked for every `pauseMs`. An `ask` that fails ends the wait. */
export async function eventually<T>(
  ask: () => Promise<T>,
  holds: (answer: T) => boolean,
  pauseMs: number = PAUSE_MS,
): Promise<T> {
  const deadlineMs = performance.now() + GIVE_UP_MS;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (performance.now() > deadlineMs) {
      throw new Error(
        `still not so after ${GIVE_UP_MS} ms: ${holds.toString()}; last answer ${JSON.stringify(answer)}`,
      );
    }
    if (pauseMs > 0) await setTimeout(pauseMs);
  }
}
