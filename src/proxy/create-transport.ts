/** Chooses what carries exchanges to an endpoint: by the protocol of its upstream. */
import type { Endpoint } from '../balancer/endpoint.ts';
import type { TransportConfig } from '../model/proxy-config.ts';
import { UpstreamDialer } from './upstream-dialer.ts';
import { UpstreamPool } from './upstream-pool.ts';
import type { UpstreamTransport } from './upstream-transport.ts';
import type { WorkerContext } from './worker-context.ts';

export function createTransport(worker: WorkerContext, endpoint: Endpoint, config: TransportConfig): UpstreamTransport {
  // `http2` comes here as well until there is a pool of sessions; `config/` says so in a Problem.
  return new UpstreamPool(worker, endpoint, new UpstreamDialer(worker, endpoint, config));
}
