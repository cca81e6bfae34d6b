/** The endpoint accepts connections: nothing is said on them. */
import type { Socket } from 'node:net';
import type { Probe, ProbeDone, ProbeTools } from './probe.ts';
import { describeProbeError } from './probe-error.ts';
import type { ProbeAddress, Probing } from './probing.ts';

export class TcpProbe implements Probe {
  readonly #socket: Socket;
  #done: boolean;

  constructor({ transport }: Probing, address: ProbeAddress, tools: ProbeTools, onDone: ProbeDone) {
    this.#done = false;
    this.#socket = tools.connect(address, transport, (error, socket) => {
      if (this.#done) return;
      this.#done = true;
      // It may fail while it closes; nobody cares.
      socket.on('error', ignore);
      socket.destroy();
      onDone(error === null ? '' : describeProbeError(error));
    });
  }

  cancel(): void {
    this.#done = true;
    this.#socket.destroy();
  }
}

function ignore(): void {}
