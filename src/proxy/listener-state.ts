/**
 * One open listener: what its connections must know, and what of that may change while it stays open. Leaves sockets to
 * `server.ts`.
 */
import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { IpNetworks } from '../model/ip-networks.ts';
import type { ListenerConfig } from '../model/proxy-config.ts';
import type { ListenerFacts } from './forwarded-fields.ts';
import type { ProxyAddresses } from './proxy-protocol/addresses.ts';
import type { ClientIdentity } from './tls/client-identity.ts';

/** A load balancer that took a connection on this port took it from a client that speaks TLS. */
const HTTPS_PORT = 443;

interface SharedFacts extends ListenerFacts {
  port: number;
  trusted: IpNetworks | null;
}

export class ListenerState {
  /** Of connections of which nothing more is known. */
  readonly facts: ListenerFacts;
  readonly #facts: SharedFacts;
  /** Who begins a connection with a PROXY protocol header; null = nobody. */
  #headerSenders: IpNetworks | null;
  #config: ListenerConfig;

  constructor(config: ListenerConfig) {
    const encrypted = config.protocol === 'https';
    this.#facts = {
      name: config.name,
      encrypted,
      secure: encrypted,
      port: config.advertisedPort,
      header: null,
      identity: null,
      trusted: toNetworks(config.trustedProxies),
    };
    this.facts = this.#facts;
    this.#headerSenders = toNetworks(config.proxyProtocol?.trusted ?? []);
    this.#config = config;
  }

  get config(): ListenerConfig {
    return this.#config;
  }

  /** @param port the one that was bound; clients are told another where the configuration says so */
  bound(port: number): void {
    if (this.#config.advertisedPort === 0) this.#facts.port = port;
  }

  /**
   * Takes over what may change without a new socket.
   * @returns whether connections that are open have to ask again whom they trust and what they say of their clients
   */
  update(config: ListenerConfig): boolean {
    const before = this.#config;
    this.#config = config;
    this.#headerSenders = toNetworks(config.proxyProtocol?.trusted ?? []);
    this.#facts.trusted = toNetworks(config.trustedProxies);
    return !(
      isDeepStrictEqual(before.trustedProxies, config.trustedProxies) &&
      isDeepStrictEqual(before.clientCertificates, config.clientCertificates)
    );
  }

  /** Whether a connection from there must begin with a PROXY protocol header. */
  expectsHeader(socket: Socket): boolean {
    const senders = this.#headerSenders;
    // Asking for the address is a system call.
    return senders !== null && senders.contains(socket.remoteAddress ?? '');
  }

  /** @param header what a PROXY protocol header says; null = it says nothing, so the socket's addresses count */
  factsBehind(header: ProxyAddresses | null): ListenerFacts {
    if (header === null) return this.facts;
    const { destinationPort } = header;
    const secure = this.facts.encrypted || destinationPort === HTTPS_PORT;
    const port = destinationPort === 0 ? this.facts.port : destinationPort;
    return { ...this.facts, header, secure, port };
  }
}

/** The same, of a client that was asked for a certificate. */
export function withIdentity(facts: ListenerFacts, identity: ClientIdentity | null): ListenerFacts {
  return identity === null ? facts : { ...facts, identity };
}

function toNetworks(cidrs: readonly string[]): IpNetworks | null {
  return cidrs.length === 0 ? null : new IpNetworks(cidrs);
}
