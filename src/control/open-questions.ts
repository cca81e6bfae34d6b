/** Questions of one kind that are open with a thread. Each is answered, or given up in time. */

/** A thread that does not answer in this time is left out. */
const TIMEOUT_MS = 2_000;

interface OpenQuestion<Answer> {
  readonly resolve: (answer: Answer | null) => void;
  timer: NodeJS.Timeout;
}

export class OpenQuestions<Answer> {
  readonly #open: Map<number, OpenQuestion<Answer>>;
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
    this.#open.set(id, { resolve, timer: this.#giveUpLater(id) });
    send(id);
    return promise;
  }

  /** The answer has begun: it may take as long again. */
  extend(id: number): void {
    const question = this.#open.get(id);
    if (question === undefined) return;
    clearTimeout(question.timer);
    question.timer = this.#giveUpLater(id);
  }

  /** Those that were given up are ignored. */
  answer(id: number, answer: Answer | null): void {
    const question = this.#open.get(id);
    this.#open.delete(id);
    clearTimeout(question?.timer);
    question?.resolve(answer);
  }

  /** Nobody will answer any more. */
  close(): void {
    this.#closed = true;
    for (const id of Array.from(this.#open.keys())) this.answer(id, null);
  }

  #giveUpLater(id: number): NodeJS.Timeout {
    return setTimeout(() => this.answer(id, null), TIMEOUT_MS);
  }
}
