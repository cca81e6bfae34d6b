/** The program as an ingress controller, in a process of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { sluiceProgram } from '../macro/targets.ts';
import type { TraceRecord } from './trace-points.ts';

export interface ControllerOptions {
  readonly workers: number;
  /** Notes what passes its points (`trace-points.ts`). */
  readonly trace: boolean;
}

/** Of the line that says so. */
export interface Ports {
  readonly httpPort: number;
  readonly adminPort: number;
}

const MAX_LOG_LINES = 50;

export class Controller {
  /** In no strict order. */
  readonly records: TraceRecord[];
  readonly #child: ChildProcess;
  readonly #lines: string[];
  readonly #ready: Promise<Ports>;

  constructor(kubeconfig: string, { workers, trace }: ControllerOptions) {
    const bind = ['--bind', '127.0.0.1', '--admin-bind', '127.0.0.1'];
    const ports = ['--http-port', '0', '--https-port', '0', '--admin-port', '0'];
    const flags = ['--kubeconfig', kubeconfig, '--workers', `${workers}`, '--access-log', 'off', ...bind, ...ports];
    const preload = trace ? ['--import', new URL('./trace-points.ts', import.meta.url).href] : [];
    this.records = [];
    this.#lines = [];
    this.#child = spawn(process.execPath, [...preload, sluiceProgram(), 'controller', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    });
    const { promise, resolve, reject } = Promise.withResolvers<Ports>();
    this.#ready = promise;
    this.#child.once('exit', () => reject(new Error(`the controller ended:\n${this.#lines.join('\n')}`)));
    this.#onLines(1, (line) => {
      if (this.#lines.push(line) > MAX_LOG_LINES) this.#lines.shift();
      if (line.includes('"msg":"ready"')) resolve(JSON.parse(line) as Ports);
    });
    this.#onLines(3, (line) => this.records.push(JSON.parse(line) as TraceRecord));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** When traffic can be served. */
  ready(): Promise<Ports> {
    return this.#ready;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  #onLines(descriptor: number, onLine: (line: string) => void): void {
    const input = this.#child.stdio[descriptor] as Readable | null | undefined;
    if (!input) throw new Error('the controller has no output');
    createInterface({ input }).on('line', onLine);
  }
}
