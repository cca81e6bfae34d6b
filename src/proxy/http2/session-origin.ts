/** What an HTTP/2 connection tells of each of its requests: mostly the same as of the one before. */
import type { Socket } from 'node:net';
import type { ListenerFacts } from '../forwarded-fields.ts';
import type { JudgedRequest } from '../judged-request.ts';
import type { ProxyAddresses } from '../proxy-protocol/addresses.ts';
import { addressesOf } from '../proxy-protocol/socket-addresses.ts';
import { ConnectionOrigin, meetRequest } from '../request-origin.ts';
import type { WorkerContext } from '../worker-context.ts';

export class SessionOrigin extends ConnectionOrigin {
  readonly #worker: WorkerContext;
  readonly #socket: Socket;
  /** `forwarded` is for this host; null = for one request only. */
  #hostSeen: string | null;

  constructor(worker: WorkerContext, listener: ListenerFacts, socket: Socket) {
    super(listener, socket);
    this.#worker = worker;
    this.#socket = socket;
    this.#hostSeen = '';
  }

  /** Both ends of the connection; null when it is gone. */
  get addresses(): ProxyAddresses | null {
    return this.facts.header ?? addressesOf(this.#socket);
  }

  /** Of whoever is at the other end, whatever a request says about its client. */
  get peerIp(): string {
    return this.told?.peerIp ?? this.clientIp;
  }

  /** Makes everything it says about a request that of this one. */
  meet(head: JudgedRequest): void {
    if (head.host === this.#hostSeen && this.forwarded !== '') return;
    this.#hostSeen = meetRequest(this.#worker, this, head);
  }
}
