/**
 * Stands in for the connections to endpoints that no request has been sent to yet: of a large cluster one worker may use few.
 * The first exchange of an endpoint gets it what it needs.
 */
import type { Endpoint } from '../balancer/endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { UpstreamTransport } from './upstream-transport.ts';

/** One for all endpoints that are connected to in the same way. */
export class UnusedTransport implements UpstreamTransport {
  readonly idleCount: number;
  readonly openCount: number;
  readonly hasRoom: boolean;
  readonly #create: (endpoint: Endpoint) => UpstreamTransport;

  constructor(create: (endpoint: Endpoint) => UpstreamTransport) {
    this.idleCount = 0;
    this.openCount = 0;
    this.hasRoom = false;
    this.#create = create;
  }

  dispatch(exchange: Exchange, mayReuse: boolean): void {
    const endpoint = exchange.endpoint as Endpoint;
    const transport = this.#create(endpoint);
    // It left after it was picked: nobody else will come.
    if (endpoint.removed) transport.close();
    endpoint.transport = transport;
    transport.dispatch(exchange, mayReuse);
  }

  close(): void {
    // There is nothing to close.
  }

  retire(): void {
    // Whoever comes later sees that the endpoint does.
  }
}
