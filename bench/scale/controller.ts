/** The program as an ingress controller, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { sluiceProgram } from '../macro/targets.ts';

const MAX_LOG_LINES = 50;

export class Controller {
  readonly #child: ChildProcess;
  readonly #lines: string[];
  readonly #ready: Promise<{ readonly httpPort: number }>;

  constructor(kubeconfig: string, workers: number) {
    const bind = ['--bind', '127.0.0.1', '--admin-bind', '127.0.0.1'];
    const ports = ['--http-port', '0', '--https-port', '0', '--admin-port', '0'];
    const flags = ['--kubeconfig', kubeconfig, '--workers', `${workers}`, '--access-log', 'off', ...bind, ...ports];
    this.#lines = [];
    this.#child = spawn(process.execPath, [sluiceProgram(), 'controller', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { promise, resolve, reject } = Promise.withResolvers<{ readonly httpPort: number }>();
    this.#ready = promise;
    this.#child.once('exit', () => reject(new Error(`the controller ended:\n${this.#lines.join('\n')}`)));
    if (this.#child.stdout === null) throw new Error('the controller has no output');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      if (this.#lines.push(line) > MAX_LOG_LINES) this.#lines.shift();
      if (line.includes('"msg":"ready"')) resolve(JSON.parse(line) as { readonly httpPort: number });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** When traffic can be served. */
  ready(): Promise<{ readonly httpPort: number }> {
    return this.#ready;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
