/**
 * The fields Sluice adds to every request, from what it knows itself and never from what the client claims. What trusted
 * proxies say about a request is read in `trusted-peer.ts`.
 */
import type { IpNetworks } from '../model/ip-networks.ts';
import type { ProxyAddresses } from './proxy-protocol/addresses.ts';
import type { ClientIdentity } from './tls/client-identity.ts';

/**
 * What a connection must know of where it came from. One object serves all connections of a listener, except those of
 * which more is known than their socket tells.
 */
export interface ListenerFacts {
  readonly name: string;
  /** Whether we read TLS here. */
  readonly encrypted: boolean;
  /** Whether the client speaks TLS, to us or to the proxy in front of us. */
  readonly secure: boolean;
  /** The port clients think they talk to. */
  readonly port: number;
  /** What a PROXY protocol header said; null = the addresses of the socket count. */
  readonly header: ProxyAddresses | null;
  /** Null where no client was asked for a certificate. */
  readonly identity: ClientIdentity | null;
  /** Null: nobody's word about requests is believed. */
  readonly trusted: IpNetworks | null;
}

/** What is the same for every request of one connection and one `Host`. */
export interface ForwardedFacts {
  readonly clientIp: string;
  readonly secure: boolean;
  readonly port: number;
}

/** `X-Real-IP` and `X-Forwarded-*` as lines; `host` is the client's `Host` including its port. */
export function forwardedFields(facts: ForwardedFacts, host: string): string {
  return forwardedFieldsFor(facts, host, facts.clientIp);
}

/** @param chain the whole of `X-Forwarded-For` */
export function forwardedFieldsFor(facts: ForwardedFacts, host: string, chain: string): string {
  const scheme = facts.secure ? 'https' : 'http';
  return (
    `X-Real-IP: ${facts.clientIp}\r\nX-Forwarded-For: ${chain}\r\nX-Forwarded-Host: ${host}\r\n` +
    `X-Forwarded-Port: ${facts.port}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Scheme: ${scheme}\r\n` +
    `X-Scheme: ${scheme}\r\n`
  );
}

/** The peer of a socket; an IPv4 peer of a dual-stack socket as plain IPv4. `0.0.0.0` when it is gone already. */
export function toClientIp(address: string | undefined): string {
  if (address === undefined) return '0.0.0.0';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/** Who is at the other end, as far as the transport knows. */
export function peerIp(facts: ListenerFacts, address: string | undefined): string {
  return facts.header === null ? toClientIp(address) : facts.header.sourceAddress;
}

/** A copy of its own: a slice would keep the whole head it was cut from alive as long as the connection. */
export function detach(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString('latin1');
}
