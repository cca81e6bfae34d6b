/** What a client's connection tells of each of its requests: the same for all of them, except for the host they name. */
import type { Socket } from 'node:net';
import { detach, forwardedFields, type ListenerFacts, toClientIp } from './forwarded-fields.ts';
import type { RequestOrigin } from './handle-request.ts';
import { toRoutingHost } from './http1/request-target.ts';
import type { ProxyAddresses } from './proxy-protocol/addresses.ts';
import { addressesOf } from './proxy-protocol/socket-addresses.ts';

export class ConnectionOrigin implements RequestOrigin {
  readonly clientIp: string;
  readonly encrypted: boolean;
  readonly port: number;
  readonly listener: string;
  routingHost: string;
  forwarded: string;
  inlineBody: string;
  readonly #socket: Socket;
  #host: string;

  constructor(socket: Socket, { encrypted, port, name }: ListenerFacts) {
    this.clientIp = toClientIp(socket.remoteAddress);
    this.encrypted = encrypted;
    this.port = port;
    this.listener = name;
    this.routingHost = '';
    this.forwarded = '';
    this.inlineBody = '';
    this.#socket = socket;
    this.#host = '';
  }

  /** Both ends of the connection; null when it is gone. */
  get addresses(): ProxyAddresses | null {
    return addressesOf(this.#socket);
  }

  /** Makes `routingHost` and `forwarded` those of this host. */
  useHost(host: string): void {
    if (host === this.#host && this.forwarded !== '') return;
    this.#host = detach(host);
    this.routingHost = toRoutingHost(this.#host);
    this.forwarded = detach(forwardedFields(this, this.#host));
  }
}
