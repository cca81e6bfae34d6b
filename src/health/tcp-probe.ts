/** The endpoint accepts connections: nothing is said on them. */
import type { Socket } from 'node:net';
import type { ConnectionUser, Opening, Probe, ProbeOwner } from './probe.ts';
import type { ProbeLink } from './probe-connection.ts';
import { describeProbeError } from './probe-error.ts';

export class TcpProbe implements Probe {
  readonly #link: ProbeLink;
  readonly #owner: ProbeOwner;
  #attempt: Attempt | null;

  constructor(link: ProbeLink, owner: ProbeOwner) {
    this.#link = link;
    this.#owner = owner;
    this.#attempt = null;
  }

  get opens(): Opening {
    return 'connection';
  }

  start(): void {
    const { address, probing, tools } = this.#link;
    const attempt = new Attempt(this.#owner);
    this.#attempt = attempt;
    try {
      attempt.socket = tools.connect(address, probing.transport, attempt);
    } catch (error) {
      queueMicrotask(() => attempt.finish(describeProbeError(error)));
    }
  }

  cancel(): void {
    this.#attempt?.cancel();
    this.#attempt = null;
  }
}

class Attempt implements ConnectionUser {
  readonly tlsSession: null;
  readonly reads: boolean;
  socket: Socket | null;
  readonly #owner: ProbeOwner;
  #isOver: boolean;

  constructor(owner: ProbeOwner) {
    this.tlsSession = null;
    this.reads = false;
    this.socket = null;
    this.#owner = owner;
    this.#isOver = false;
  }

  onConnected(socket: Socket): void {
    // It may fail while it closes; nobody cares.
    socket.on('error', ignore);
    socket.destroy();
    this.finish('');
  }

  onFailed(error: Error): void {
    this.finish(describeProbeError(error));
  }

  onTlsSession(): void {}

  onRead(): void {}

  finish(reason: string): void {
    if (this.#isOver) return;
    this.cancel();
    this.#owner.onResult(reason);
  }

  cancel(): void {
    this.#isOver = true;
    this.socket?.destroy();
  }
}

function ignore(): void {}
