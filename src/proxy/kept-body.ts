/**
 * The body of one request as far as it has come: kept until it can be sent, and where the route and the memory of the
 * worker allow, until it need not be sent again. Only requests whose body does not come along with the head have one.
 */
import type { Exchange } from './exchange.ts';
import { BODY_NONE } from './http1/request-head.ts';
import { isIdempotent } from './retry.ts';
import type { UpstreamConnection } from './upstream-transport.ts';

/** What all requests of one worker keep for retries. Beyond it bodies stream as if there were no retries. */
export const MAX_KEPT_BYTES = 16_777_216;

/** Bytes kept for retries by everybody who shares it: one for each worker. */
export interface KeptBytes {
  keptBodyBytes: number;
}

export class KeptBody {
  readonly #total: KeptBytes;
  #pieces: Buffer[];
  #bytes: number;
  /** Part of the total. Pieces that only wait for a connection are few, because their client is not read meanwhile. */
  #countedBytes: number;

  constructor(total: KeptBytes) {
    this.#total = total;
    this.#pieces = [];
    this.#bytes = 0;
    this.#countedBytes = 0;
  }

  /** Bytes `[start, end)` are valid during the call only. */
  add(buffer: Buffer, start: number, end: number): void {
    this.#pieces.push(Buffer.from(buffer.subarray(start, end)));
    this.#bytes += end - start;
  }

  /** Whether it may be held on to, now that it is being sent, with `more` bytes. From then on it counts. */
  mayStay(more: number, limitBytes: number): boolean {
    const bytes = this.#bytes + more;
    const total = this.#total.keptBodyBytes - this.#countedBytes + bytes;
    if (bytes > limitBytes || total > MAX_KEPT_BYTES) return false;
    this.#total.keptBodyBytes = total;
    this.#countedBytes = bytes;
    return true;
  }

  /** @returns false: stop until `exchange.onUpstreamDrain` */
  writeTo(connection: UpstreamConnection): boolean {
    let flowing = true;
    for (const piece of this.#pieces) flowing = connection.writeBody(piece, 0, piece.length) && flowing;
    return flowing;
  }

  release(): void {
    this.#total.keptBodyBytes -= this.#countedBytes;
    this.#countedBytes = 0;
    this.#bytes = 0;
    this.#pieces = [];
  }
}

/**
 * Holds on to what is about to be sent, where that may be of use.
 * @returns false: from here on the request cannot be repeated
 */
export function keepSent(
  exchange: Exchange,
  connection: UpstreamConnection,
  buffer: Buffer,
  start: number,
  end: number,
): boolean {
  exchange.kept ??= new KeptBody(exchange.worker);
  if (!mayKeep(exchange, connection, end - start)) return false;
  exchange.kept.add(buffer, start, end);
  return true;
}

/**
 * Whether a request that is being sent may go on to be repeatable.
 * @param more bytes of its body that would have to be kept too
 */
export function mayKeep(exchange: Exchange, connection: UpstreamConnection, more: number): boolean {
  const { policy } = exchange.route;
  const { kept } = exchange;
  // The body may have come along with the head.
  if (kept === null) return !policy.streamRequest || (exchange.body === BODY_NONE && exchange.requestBytes === 0);
  if (policy.streamRequest || policy.retryOn.length === 0) return false;
  // Once sent, others are repeated only when a back end says that it has not looked at them.
  const mayRepeat = connection.mayBeRefused || policy.retryNonIdempotent || isIdempotent(exchange.method);
  return mayRepeat && kept.mayStay(more, policy.retryBufferBytes);
}
