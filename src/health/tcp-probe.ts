/** The endpoint accepts connections: nothing is said on them. */
import type { Socket } from 'node:net';
import type { ConnectionUser, Probe, ProbeDone } from './probe.ts';
import type { ProbeLink } from './probe-connection.ts';
import { describeProbeError } from './probe-error.ts';

export class TcpProbe implements Probe {
  readonly #link: ProbeLink;
  readonly #onDone: ProbeDone;
  #attempt: Attempt | null;

  constructor(link: ProbeLink, onDone: ProbeDone) {
    this.#link = link;
    this.#onDone = onDone;
    this.#attempt = null;
  }

  start(): void {
    const { address, probing, tools } = this.#link;
    const attempt = new Attempt(this.#onDone);
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
  readonly #onDone: ProbeDone;
  #isOver: boolean;

  constructor(onDone: ProbeDone) {
    this.tlsSession = null;
    this.reads = false;
    this.socket = null;
    this.#onDone = onDone;
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
    this.#onDone(reason);
  }

  cancel(): void {
    this.#isOver = true;
    this.socket?.destroy();
  }
}

function ignore(): void {}
