/** Faults to inject, as a queue consumed in order: the first one that fits a request happens to it. Never probabilities. */

export type Fault =
  /** The socket is destroyed before an answer. */
  | { readonly kind: 'reset' }
  /** What was asked for is done, and the socket destroyed instead of an answer. */
  | { readonly kind: 'lost-answer' }
  /** No answer, or an answer that goes silent after its headers; the socket stays open. */
  | { readonly kind: 'stall' }
  | {
      readonly kind: 'status';
      readonly code: number;
      readonly reason?: string;
      readonly retryAfterSeconds?: number;
      /** Instead of a Status object. */
      readonly text?: string;
      readonly cause?: string;
    }
  /** A watch that is answered 200 with one ERROR event. */
  | { readonly kind: 'error-event'; readonly code: number; readonly reason: string }
  /** A watch that breaks after this many events, perhaps inside the line of the next. */
  | { readonly kind: 'cut'; readonly afterEvents: number; readonly midLine: boolean }
  /** A watch that ends cleanly at once. */
  | { readonly kind: 'end' }
  /** A watch that holds a line which is not JSON. */
  | { readonly kind: 'garbage' }
  /** A watch that arrives byte by byte. */
  | { readonly kind: 'one-byte-chunks' }
  /** A list whose `items` is null. */
  | { readonly kind: 'null-items' };

export interface FaultMatch {
  /** Undefined = any. */
  readonly watch?: boolean;
  readonly plural?: string;
  readonly method?: string;
  /** Only requests for a further page. */
  readonly continued?: boolean;
}

export interface QueuedFault {
  readonly match: FaultMatch;
  readonly fault: Fault;
}

export class FaultQueue {
  readonly #queue: QueuedFault[] = [];

  push(match: FaultMatch, fault: Fault): void {
    this.#queue.push({ match, fault });
  }

  /** Of those not consumed. */
  get size(): number {
    return this.#queue.length;
  }

  clear(): void {
    this.#queue.length = 0;
  }

  take(request: Required<FaultMatch>): Fault | null {
    const place = this.#queue.findIndex(
      ({ match }) =>
        (match.watch ?? request.watch) === request.watch &&
        (match.plural ?? request.plural) === request.plural &&
        (match.method ?? request.method) === request.method &&
        (match.continued ?? request.continued) === request.continued,
    );
    return place === -1 ? null : (this.#queue.splice(place, 1)[0]?.fault ?? null);
  }
}
