/** Questions of one kind that are open with a thread. Each is answered, or given up in time. */

/** A thread that does not answer in this time is left out. */
const TIMEOUT_MS = 2_000;

export class OpenQuestions<Answer> {
  readonly #open: Map<number, (answer: Answer | null) => void>;
  #nextId: number;
  #closed: boolean;

  constructor() {
    this.#open = new Map();
    this.#nextId = 1;
    this.#closed = false;
  }

  /** @returns null when nobody answers */
  ask(send: (id: number) => void): Promise<Answer | null> {
    if (this.#closed) return Promise.resolve(null);
    const { promise, resolve } = Promise.withResolvers<Answer | null>();
    const id = this.#nextId++;
    const timer = setTimeout(() => this.answer(id, null), TIMEOUT_MS);
    this.#open.set(id, (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    send(id);
    return promise;
  }

  /** Those that were given up are ignored. */
  answer(id: number, answer: Answer | null): void {
    const settle = this.#open.get(id);
    this.#open.delete(id);
    settle?.(answer);
  }

  /** Nobody will answer any more. */
  close(): void {
    this.#closed = true;
    for (const id of Array.from(this.#open.keys())) this.answer(id, null);
  }
}
