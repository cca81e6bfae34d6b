/**
 * What a connection knows about a request beside its head, whatever protocol it speaks: who sent it, and the fields that
 * say so. Depends on nothing but the connection and the host, unless a trusted proxy speaks for many clients.
 */
import type { Socket } from 'node:net';
import type { KeyClient } from '../live/hash-key.ts';
import type { IpNetworks } from '../model/ip-networks.ts';
import { detach, type ForwardedFacts, forwardedFields, type ListenerFacts, peerIp } from './forwarded-fields.ts';
import { toRoutingHost } from './http1/request-target.ts';
import type { JudgedRequest } from './judged-request.ts';
import type { ProxyAddresses } from './proxy-protocol/addresses.ts';
import { addressesOf } from './proxy-protocol/socket-addresses.ts';
import { type ClientIdentity, type IdentifiedOrigin, identityFields } from './tls/client-identity.ts';
import { TrustedPeer } from './trusted-peer.ts';
import type { WorkerContext } from './worker-context.ts';

export interface RequestOrigin extends IdentifiedOrigin, KeyClient {
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

/** Whether the client speaks TLS, as far as anybody who is believed says. */
export function isSecure({ told, secure }: Pick<RequestOrigin, 'told' | 'secure'>): boolean {
  return told === null ? secure : told.secure;
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
  /** `Host` of the request before, a copy of its own; empty = none. */
  lastHost: string;
  readonly #socket: Socket;
  /** `forwarded` is for `lastHost`, whoever sent the request; else for one request only. */
  #lasts: boolean;

  constructor(socket: Socket, facts: ListenerFacts) {
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
    this.#socket = socket;
    this.#lasts = false;
    this.lastHost = '';
    this.told = toTrustedPeer(facts.trusted, this);
  }

  /** Both ends of the connection, as a PROXY header gave them where there was one; null when it is gone. */
  get addresses(): ProxyAddresses | null {
    return this.facts.header ?? addressesOf(this.#socket);
  }

  /** Who is at the other end of the connection, whoever it speaks for. */
  get peerIp(): string {
    return this.told?.peerIp ?? this.clientIp;
  }

  /** Makes everything here that of a request. Costs one comparison when the host is the one before. */
  meet(worker: WorkerContext, head: JudgedRequest): void {
    const isSame = head.host === this.lastHost;
    if (isSame && this.#lasts && this.forwarded !== '') return;
    const host = isSame ? this.lastHost : detach(head.host);
    this.lastHost = host;
    const { told } = this;
    this.routingHost = toRoutingHost(host);
    const identity = this.identity === null ? '' : identityFields(worker.live.current.clientCertificates, this);
    if (told === null) {
      this.#lasts = true;
      this.forwarded = detach(forwardedFields(this, host) + identity);
      return;
    }
    // The next request may come from elsewhere.
    this.#lasts = false;
    told.read(head);
    this.clientIp = detach(told.clientIp);
    this.forwarded = told.fields + identity;
  }

  /** The configuration changed whom the listener trusts, or whom it asks for certificates. */
  meetConfig(networks: IpNetworks | null): void {
    this.clientIp = this.peerIp;
    this.told = toTrustedPeer(networks, this);
    // The next request asks again.
    this.forwarded = '';
  }
}

/** Null: the peer is not trusted. */
function toTrustedPeer(networks: IpNetworks | null, peer: ForwardedFacts): TrustedPeer | null {
  return networks !== null && networks.contains(peer.clientIp) ? new TrustedPeer(networks, peer) : null;
}
