/**
 * The keys that TLS session tickets are sealed with: made here, the same in every worker, and changed often, because who
 * has them can read TLS 1.2 sessions that were resumed under them. They exist in memory only and are never logged.
 */

/** Name, HMAC key and AES key of 16 bytes each, as Node and OpenSSL want them. */
const KEY_BYTES = 48;
const ROTATION_MS = 12 * 3_600_000;

export class TicketKeys {
  #current: Uint8Array;
  readonly #onRotated: (keys: Uint8Array) => void;
  #timer: NodeJS.Timeout | null;

  constructor(onRotated: (keys: Uint8Array) => void) {
    this.#current = makeKeys();
    this.#onRotated = onRotated;
    this.#timer = null;
  }

  get current(): Uint8Array {
    return this.#current;
  }

  /** Begins to rotate; safe to call again. */
  start(): void {
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => {
      this.#current.fill(0);
      this.#current = makeKeys();
      this.#onRotated(this.#current);
    }, ROTATION_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** In memory of its own: a slice of a shared pool would be copied to the workers with its neighbours. */
function makeKeys(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}
