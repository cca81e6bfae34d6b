/** Chooses what carries exchanges to an endpoint: by the protocol of its upstream. */
import type { Endpoint } from '../balancer/endpoint.ts';
import type { TransportConfig } from '../model/proxy-config.ts';
import { Http2UpstreamPool } from './http2/upstream-sessions.ts';
import { UnusedTransport } from './unused-transport.ts';
import { UpstreamDialer } from './upstream-dialer.ts';
import { UpstreamPool } from './upstream-pool.ts';
import type { UpstreamTransport } from './upstream-transport.ts';
import type { WorkerContext } from './worker-context.ts';

/** Over TLS at once, so that settings which cannot be used are found out before they are in force. */
export function createTransport(worker: WorkerContext, endpoint: Endpoint, config: TransportConfig): UpstreamTransport {
  const { protocol, sendProxyProtocol, tls } = config;
  if (tls !== null) return openTransport(worker, endpoint, config);
  const kind = `${protocol} ${sendProxyProtocol}`;
  let unused = worker.unusedTransports.get(kind);
  if (unused === undefined) {
    const plain = { protocol, sendProxyProtocol, tls };
    unused = new UnusedTransport((used) => openTransport(worker, used, plain));
    worker.unusedTransports.set(kind, unused);
  }
  return unused;
}

function openTransport(worker: WorkerContext, endpoint: Endpoint, config: TransportConfig): UpstreamTransport {
  const dialer = new UpstreamDialer(worker, endpoint, config);
  if (config.protocol === 'http2') return new Http2UpstreamPool(worker, endpoint, dialer, config.tls !== null);
  return new UpstreamPool(worker, endpoint, dialer);
}
