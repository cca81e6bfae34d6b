/** Asking again and again, without a pause, until the answer is the wanted one: how a client sees a change arrive. */

const GIVE_UP_MS = 60_000;

/** The first answer for which `holds` is true. An `ask` that fails ends the wait. */
export async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
  const deadlineMs = performance.now() + GIVE_UP_MS;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) return answer;
    if (performance.now() > deadlineMs) {
      throw new Error(
        `still not so after ${GIVE_UP_MS} ms: ${holds.toString()}; last answer ${JSON.stringify(answer)}`,
      );
    }
  }
}
