/**
 * How connections to the backends of an Ingress are made: what its annotations ask for, and where they are silent, what the
 * port of the Service says. Also the part of an upstream's id that keeps different answers for one Service apart.
 */
import type { TransportConfig, UpstreamTlsConfig } from '../model/proxy-config.ts';
import { PLAIN_TRANSPORT, UNVERIFIED_TLS } from '../model/proxy-config.ts';

export type BackendProtocol = 'http' | 'https' | 'grpc' | 'grpcs';

export interface BackendTransport {
  /** Null: the Service says. */
  readonly protocol: BackendProtocol | null;
  /** Of TLS, where it is spoken. */
  readonly tls: UpstreamTlsConfig;
  /** Names what differs in `tls` from the default, the Secret by its name; empty = nothing. */
  readonly tlsKey: string;
  readonly sendProxyProtocol: TransportConfig['sendProxyProtocol'];
}

/** Of backends for which nobody asks for anything. */
export const DEFAULT_BACKEND_TRANSPORT: BackendTransport = {
  protocol: null,
  tls: UNVERIFIED_TLS,
  tlsKey: '',
  sendProxyProtocol: PLAIN_TRANSPORT.sendProxyProtocol,
};

/** Others say nothing that changes a connection: `http`, `kubernetes.io/ws`, and what nobody knows. */
const APP_PROTOCOLS: Readonly<Record<string, BackendProtocol>> = {
  https: 'https',
  'kubernetes.io/wss': 'https',
  'kubernetes.io/h2c': 'grpc',
};

/** @param appProtocol of the Service port; empty = none */
export function toTransport(transport: BackendTransport, appProtocol: string): TransportConfig {
  const protocol = transport.protocol ?? protocolOf(appProtocol);
  return {
    protocol: protocol === 'grpc' || protocol === 'grpcs' ? 'http2' : 'http1',
    tls: isEncrypted(protocol) ? transport.tls : null,
    sendProxyProtocol: transport.sendProxyProtocol,
  };
}

/** Empty when the Service alone would have led to the same: then all its users share one upstream. */
export function transportSuffix(transport: BackendTransport, appProtocol: string): string {
  const bySelf = protocolOf(appProtocol);
  const protocol = transport.protocol ?? bySelf;
  const tlsKey = isEncrypted(protocol) ? transport.tlsKey : '';
  const parts: string[] = [];
  if (protocol !== bySelf) parts.push(protocol);
  if (tlsKey !== '') parts.push(tlsKey);
  if (transport.sendProxyProtocol !== 'off') parts.push(`proxy-${transport.sendProxyProtocol}`);
  return parts.length === 0 ? '' : `#${parts.join(',')}`;
}

export function isEncrypted(protocol: BackendProtocol): boolean {
  return protocol === 'https' || protocol === 'grpcs';
}

function protocolOf(appProtocol: string): BackendProtocol {
  return Object.hasOwn(APP_PROTOCOLS, appProtocol) ? (APP_PROTOCOLS[appProtocol] ?? 'http') : 'http';
}
