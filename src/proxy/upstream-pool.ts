/**
 * The connections to one endpoint: idle ones on a stack (the warmest is used first, the coldest time out), new ones as
 * needed. A connection serves one exchange at a time and comes back only after a fully framed one.
 */
import type { Endpoint } from '../balancer/endpoint.ts';
import type { Exchange } from './exchange.ts';
import { ClientConnection } from './http1/client-connection.ts';
import type { UpstreamDialer } from './upstream-dialer.ts';
import type { UpstreamTransport } from './upstream-transport.ts';
import type { WorkerContext } from './worker-context.ts';

export class UpstreamPool implements UpstreamTransport {
  readonly endpoint: Endpoint;
  readonly dialer: UpstreamDialer;
  readonly #worker: WorkerContext;
  readonly #idle: ClientConnection[];
  #openCount: number;
  #closed: boolean;

  constructor(worker: WorkerContext, endpoint: Endpoint, dialer: UpstreamDialer) {
    this.endpoint = endpoint;
    this.dialer = dialer;
    this.#worker = worker;
    this.#idle = [];
    this.#openCount = 0;
    this.#closed = false;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  get hasRoom(): boolean {
    return this.#idle.length > 0;
  }

  get openCount(): number {
    return this.#openCount;
  }

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
    const full = this.#idle.length >= this.#worker.settings.maxIdlePerEndpoint;
    // Whoever sent the next request on it would pass for the client its PROXY header named.
    if (this.#closed || this.endpoint.retiring || full || this.dialer.namesClient) connection.destroy();
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
    this.retire();
  }

  retire(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }
}
