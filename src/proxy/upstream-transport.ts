/** What an exchange asks of the connections to an endpoint, whichever protocol they speak. */
import type { EndpointTransport } from '../balancer/endpoint.ts';
import type { Exchange } from './exchange.ts';

/** All connections to one endpoint. */
export interface UpstreamTransport extends EndpointTransport {
  /** An exchange could be carried without opening another connection. */
  readonly hasRoom: boolean;
  /**
   * Gives the exchange a connection: sets `exchange.connection`, later calls `exchange.onConnectionReady` or
   * `onAttemptFailed`.
   * @param mayReuse false after a connection turned out to be stale: those beside it have waited as long, or longer
   */
  dispatch(exchange: Exchange, mayReuse: boolean): void;
}

/** The connection, or the stream on one, that carries an exchange. */
export interface UpstreamConnection {
  /** The head went out; body bytes may follow. */
  readonly ready: boolean;
  /** The back end can say that it has not looked at the request, even after it got some of it (RFC 9113 §8.7). */
  readonly mayBeRefused: boolean;
  /** Bytes `[start, end)` are valid during the call only. False: stop until `exchange.onUpstreamDrain`. */
  writeBody(buffer: Buffer, start: number, end: number): boolean;
  /** @param trailers names and values in turn, for a protocol that can carry them */
  endBody(trailers: readonly string[] | null): void;
  resumeResponse(): void;
  /** The exchange is over for another reason: close without telling it. */
  abandon(): void;
}
