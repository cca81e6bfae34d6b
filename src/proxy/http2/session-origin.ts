/** What an HTTP/2 connection tells of each of its requests: the same for all of them, except for the host they name. */
import type { Socket } from 'node:net';
import { forwardedFields, type ListenerFacts, toClientIp } from '../forwarded-fields.ts';
import type { RequestOrigin } from '../handle-request.ts';
import { toRoutingHost } from '../http1/request-target.ts';

export class SessionOrigin implements RequestOrigin {
  readonly clientIp: string;
  readonly encrypted: boolean;
  readonly port: number;
  readonly listener: string;
  /** Bodies come in frames of their own. */
  readonly inlineBody: string;
  routingHost: string;
  forwarded: string;
  #host: string;

  constructor(socket: Socket, { encrypted, port, name }: ListenerFacts) {
    this.clientIp = toClientIp(socket.remoteAddress);
    this.encrypted = encrypted;
    this.port = port;
    this.listener = name;
    this.inlineBody = '';
    this.routingHost = '';
    this.forwarded = '';
    this.#host = '';
  }

  /** Makes `routingHost` and `forwarded` those of this host. */
  useHost(host: string): void {
    if (host === this.#host && this.forwarded !== '') return;
    this.#host = host;
    this.routingHost = toRoutingHost(host);
    this.forwarded = forwardedFields(this, host);
  }
}
