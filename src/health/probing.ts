/** How endpoints are probed: a check and the connections it takes, made ready for the many probes that follow. */
import type { HealthCheckConfig } from '../model/health-check.ts';
import { type TransportConfig, UNVERIFIED_TLS, type UpstreamTlsConfig } from '../model/proxy-config.ts';
import { ExpectedAnswer } from './expected-answer.ts';

/** Intervals vary by ±10 %, so that probes of many endpoints do not stay in step. */
export const JITTER = 0.1;

/** Where a probe goes. A host name is looked up anew for each. */
export interface ProbeAddress {
  readonly address: string;
  readonly port: number;
}

export interface Probing {
  readonly check: HealthCheckConfig;
  readonly transport: TransportConfig;
  readonly expected: ExpectedAnswer;
}

export function toProbing(check: HealthCheckConfig, transport: TransportConfig): Probing {
  return { check, transport: toProbeTransport(check, transport), expected: new ExpectedAnswer(check) };
}

/** Equal for checks that ask the same in the same way, and only for those. */
export function toProbingKey(check: HealthCheckConfig, transport: TransportConfig): string {
  const { protocol, tls, sendProxyProtocol } = toProbeTransport(check, transport);
  return JSON.stringify([check, protocol, tls, sendProxyProtocol]);
}

/** Connections like those of requests, as far as the check does not ask for others. */
function toProbeTransport(check: HealthCheckConfig, ofRequests: TransportConfig): TransportConfig {
  const sendProxyProtocol = check.port === 0 ? ofRequests.sendProxyProtocol : 'off';
  if (check.kind === 'tcp') return { protocol: 'http1', tls: null, sendProxyProtocol };
  const isSecure = check.tls ?? ofRequests.tls !== null;
  const tls = isSecure ? toProbeTls(check, ofRequests.tls ?? UNVERIFIED_TLS) : null;
  if (check.kind === 'grpc') return { protocol: 'http2', tls, sendProxyProtocol };
  return { protocol: check.tls === null ? ofRequests.protocol : 'http1', tls, sendProxyProtocol };
}

function toProbeTls({ serverName, verify }: HealthCheckConfig, tls: UpstreamTlsConfig): UpstreamTlsConfig {
  const named = serverName === '' ? tls : { ...tls, serverName, sendServerName: true };
  return verify === null ? named : { ...named, verify };
}
