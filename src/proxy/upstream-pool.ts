/**
 * The connections to one endpoint: idle ones on a stack (the warmest is used first, the coldest time out), new ones as
 * needed. A connection serves one exchange at a time and comes back only after a fully framed one.
 */
import type { Endpoint, EndpointTransport } from '../balancer/endpoint.ts';
import type { Exchange } from './exchange.ts';
import { ClientConnection } from './http1/client-connection.ts';
import type { WorkerContext } from './worker-context.ts';

/** What an exchange asks of the connection that carries it. */
export interface UpstreamConnection {
  /** The head went out; body bytes may follow. */
  readonly ready: boolean;
  /** Bytes `[start, end)` are valid during the call only. False: stop until `exchange.onUpstreamDrain`. */
  writeBody(buffer: Buffer, start: number, end: number): boolean;
  /** @param trailers names and values in turn, for a protocol that can carry them */
  endBody(trailers: readonly string[] | null): void;
  resumeResponse(): void;
  /** The exchange is over for another reason: close without telling it. */
  abandon(): void;
}

export class UpstreamPool implements EndpointTransport {
  readonly endpoint: Endpoint;
  readonly #worker: WorkerContext;
  readonly #idle: ClientConnection[];
  #openCount: number;
  #closed: boolean;

  constructor(worker: WorkerContext, endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.#worker = worker;
    this.#idle = [];
    this.#openCount = 0;
    this.#closed = false;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  get openCount(): number {
    return this.#openCount;
  }

  /** @param mayReuse false after a connection turned out to be stale: those beside it have waited as long, or longer */
  dispatch(exchange: Exchange, mayReuse: boolean): void {
    for (let idle = mayReuse ? this.#idle.pop() : undefined; idle !== undefined; idle = this.#idle.pop()) {
      if (idle.usable) {
        exchange.connection = idle;
        idle.start(exchange);
        return;
      }
      idle.destroy();
    }
    this.#openCount++;
    this.#worker.upstreamConnections++;
    const connection = new ClientConnection(this.#worker, this);
    exchange.connection = connection;
    connection.connect(exchange);
  }

  /** Takes a connection back whose exchange is complete. */
  release(connection: ClientConnection): void {
    if (this.#closed || this.#idle.length >= this.#worker.settings.maxIdlePerEndpoint) connection.destroy();
    else this.#idle.push(connection);
  }

  /** A connection is closed, idle or not. */
  onClosed(connection: ClientConnection): void {
    this.#openCount--;
    this.#worker.upstreamConnections--;
    const at = this.#idle.lastIndexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  /** Idle connections go now, busy ones when their exchange ends. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }
}
