/** Waiting for a state instead of for time: asked again whenever something was reported, and given up loudly. */

const GIVE_UP_MS = 30_000;

export class AwaitedState {
  readonly #waiters = new Set<() => void>();

  /** Something may have changed. */
  report(): void {
    for (const waiter of this.#waiters) waiter();
  }

  /** The first result of `find` that is not undefined, now or after a report. What `find` throws ends the wait. */
  until<T>(find: () => T | undefined, giveUpMs: number = GIVE_UP_MS): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(check);
      };
      const check = (): void => {
        try {
          const found = find();
          if (found === undefined) return;
          finish();
          resolve(found);
        } catch (error) {
          finish();
          reject(error);
        }
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`the awaited state did not come within ${giveUpMs} ms: ${find.toString()}`));
      }, giveUpMs);
      this.#waiters.add(check);
      check();
    });
  }
}
