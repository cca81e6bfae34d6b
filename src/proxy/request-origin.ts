/**
 * What a connection knows about a request beside its head, whatever protocol it speaks: who sent it, and the fields that
 * say so. Depends on nothing but the connection and the host, unless a trusted proxy speaks for many clients.
 */
import type { Socket } from 'node:net';
import type { IpNetworks } from '../model/ip-networks.ts';
import { detach, type ForwardedFacts, forwardedFields, type ListenerFacts, peerIp } from './forwarded-fields.ts';
import { toRoutingHost } from './http1/request-target.ts';
import type { JudgedRequest } from './judged-request.ts';
import { type ClientIdentity, type IdentifiedOrigin, identityFields } from './tls/client-identity.ts';
import { TrustedPeer } from './trusted-peer.ts';
import type { WorkerContext } from './worker-context.ts';

export interface RequestOrigin extends IdentifiedOrigin {
  /** Whether the client speaks TLS, to us or to the proxy in front of us, as far as the connection knows. */
  readonly secure: boolean;
  /** `Host` as hosts are compared. */
  readonly routingHost: string;
  /** Lines about the client for this connection and host. */
  readonly forwarded: string;
  /** The whole body as latin1 text where it came along with the head. */
  readonly inlineBody: string;
  /** Null: nothing the peer says about others is believed. */
  readonly told: TrustedPeer | null;
}

/** What a connection is for the requests on it, described one at a time. */
export class ConnectionOrigin implements RequestOrigin, ForwardedFacts {
  readonly facts: ListenerFacts;
  readonly listener: string;
  readonly secure: boolean;
  readonly port: number;
  readonly identity: ClientIdentity | null;
  clientIp: string;
  routingHost: string;
  forwarded: string;
  inlineBody: string;
  told: TrustedPeer | null;

  constructor(facts: ListenerFacts, socket: Socket) {
    this.facts = facts;
    this.listener = facts.name;
    this.secure = facts.secure;
    this.port = facts.port;
    this.identity = facts.identity;
    this.clientIp = peerIp(facts, socket.remoteAddress);
    this.routingHost = '';
    this.forwarded = '';
    this.inlineBody = '';
    this.told = null;
    this.told = toTrustedPeer(facts.trusted, this);
  }
}

/** Null: the peer is not trusted. */
function toTrustedPeer(networks: IpNetworks | null, peer: ForwardedFacts): TrustedPeer | null {
  return networks !== null && networks.contains(peer.clientIp) ? new TrustedPeer(networks, peer) : null;
}

/**
 * Makes `origin` that of a request.
 * @returns the host for which it stays right without asking again; null = none, the next request may come from elsewhere
 */
export function meetRequest(worker: WorkerContext, origin: ConnectionOrigin, head: JudgedRequest): string | null {
  const host = detach(head.host);
  const { told } = origin;
  origin.routingHost = toRoutingHost(host);
  const identity = origin.identity === null ? '' : identityFields(worker.live.current.clientCertificates, origin);
  if (told === null) {
    origin.forwarded = detach(forwardedFields(origin, host) + identity);
    return host;
  }
  told.read(head);
  origin.clientIp = detach(told.clientIp);
  origin.forwarded = told.fields + identity;
  return null;
}

/** The configuration changed whom the listener trusts, or whom it asks for certificates. */
export function meetConfig(origin: ConnectionOrigin, networks: IpNetworks | null): void {
  if (origin.told !== null) origin.clientIp = origin.told.peerIp;
  origin.told = toTrustedPeer(networks, origin);
  // The next request asks again.
  origin.forwarded = '';
}
