/**
 * How many retries one upstream may still get, so that retries cannot multiply the load of an upstream that fails: a share
 * of the requests of the last ten seconds, and a floor that lets rare requests be tried again at all.
 * Hot: counting a request is two additions. Nothing is allocated after the first of them.
 */

const WINDOW_SECONDS = 10;
/** Shared by all copies until they are written to: of a large cluster most upstreams get no requests for long. */
const NONE: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

export class RetryBudget {
  /** Retries for each 100 requests. */
  percent: number;
  /** Retries a second that are allowed however few requests there are. */
  perSecond: number;
  /** By second. */
  readonly #requests: number[];
  readonly #retries: number[];
  /** Sums of both over the window. */
  #requestSum: number;
  #retrySum: number;
  /** Of the newest bucket, on the coarse clock. */
  #second: number;

  constructor(percent: number, perSecond: number) {
    this.percent = percent;
    this.perSecond = perSecond;
    this.#requests = [...NONE];
    this.#retries = [...NONE];
    this.#requestSum = 0;
    this.#retrySum = 0;
    this.#second = 0;
  }

  countRequest(nowMs: number): void {
    const slot = this.#slotOf(nowMs);
    this.#requests[slot] = (this.#requests[slot] ?? 0) + 1;
    this.#requestSum++;
  }

  /** @returns a ticket for `refund`; -1 when nothing is left */
  spend(nowMs: number): number {
    const slot = this.#slotOf(nowMs);
    const allowed = Math.max((this.#requestSum * this.percent) / 100, this.perSecond * WINDOW_SECONDS);
    if (this.#retrySum + 1 > allowed) return -1;
    this.#retries[slot] = (this.#retries[slot] ?? 0) + 1;
    this.#retrySum++;
    return this.#second;
  }

  /**
   * The retry was answered well. It was no burden on an upstream in trouble but the way around one bad endpoint, which may
   * be every second request for as long as that is not taken out.
   */
  refund(ticket: number, nowMs: number): void {
    this.#slotOf(nowMs);
    if (ticket <= this.#second - WINDOW_SECONDS) return;
    const slot = ticket % WINDOW_SECONDS;
    this.#retries[slot] = (this.#retries[slot] ?? 0) - 1;
    this.#retrySum--;
  }

  #slotOf(nowMs: number): number {
    const second = (nowMs / 1000) | 0;
    if (second !== this.#second) this.#advance(second);
    return second % WINDOW_SECONDS;
  }

  #advance(second: number): void {
    const stale = Math.min(second - this.#second, WINDOW_SECONDS);
    for (let i = 1; i <= stale; i++) {
      const slot = (this.#second + i) % WINDOW_SECONDS;
      this.#requestSum -= this.#requests[slot] ?? 0;
      this.#retrySum -= this.#retries[slot] ?? 0;
      this.#requests[slot] = 0;
      this.#retries[slot] = 0;
    }
    this.#second = second;
  }
}
