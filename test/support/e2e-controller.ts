/** The real program as an ingress controller, with its log lines and a way to wait for them. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import type { ConfigDump } from '../../src/admin/dump-config.ts';
import type { LastKnownGoodStatus } from '../../src/watch/last-known-good.ts';
import type { ResourceStatus } from '../../src/watch/resource-watch.ts';
import { AwaitedState } from './awaited-state.ts';
import { eventually } from './e2e-eventually.ts';
import type { LogLine } from './sluice-process.ts';

const MAIN = path.resolve(import.meta.dirname, '../../src/cli/main.ts');

/** Where traffic arrives: an address of the namespace, like those of the pods. */
export const CONTROLLER_ADDRESS = '10.77.0.1';

export interface Readiness {
  readonly ready: boolean;
  readonly resources: readonly ResourceStatus[];
  readonly snapshot?: LastKnownGoodStatus;
}

export class ControllerProcess {
  readonly logs: LogLine[];
  httpPort: number;
  httpsPort: number;
  adminPort: number;
  exit: { readonly code: number | null; readonly signal: string | null } | null;
  #otherOutput: string;
  readonly #child: ChildProcess;
  readonly #state: AwaitedState;

  private constructor(kubeconfig: string, args: readonly string[]) {
    this.logs = [];
    this.httpPort = 0;
    this.httpsPort = 0;
    this.adminPort = 0;
    this.exit = null;
    this.#otherOutput = '';
    this.#state = new AwaitedState();
    const ports = ['--http-port', '0', '--https-port', '0', '--admin-port', '0'];
    const listen = ['--bind', CONTROLLER_ADDRESS, '--admin-bind', CONTROLLER_ADDRESS, ...ports];
    const command = [MAIN, 'controller', '--kubeconfig', kubeconfig, '--access-log', 'off', ...listen, ...args];
    this.#child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#read(this.#child.stdout);
    this.#read(this.#child.stderr);
    this.#child.on('close', (code, signal) => {
      this.exit = { code, signal };
      this.#state.report();
    });
  }

  /** Does not wait for anything. */
  static launch(kubeconfig: string, args: readonly string[]): ControllerProcess {
    return new ControllerProcess(kubeconfig, args);
  }

  /** Resolves when traffic can be served. */
  async ready(): Promise<void> {
    const ready = await this.log('ready');
    this.httpPort = Number(ready['httpPort']);
    this.httpsPort = Number(ready['httpsPort']);
    this.adminPort = Number(ready['adminPort']);
  }

  /** The first line with this message at or behind position `from` of `logs`; `giveUpMs` = how long it may take. */
  async log(message: string, from = 0, giveUpMs?: number): Promise<LogLine> {
    const lines = (): string => `${this.logs.map((line) => `${JSON.stringify(line)}\n`).join('')}${this.#otherOutput}`;
    const logged = this.#state.until(() => {
      const found = this.logs.slice(from).find(({ msg }) => msg === message);
      if (found !== undefined) return found;
      if (this.exit === null) return undefined;
      throw new Error(`exited before it logged "${message}"`);
    }, giveUpMs);
    return logged.catch((error: unknown) => {
      throw new Error(`it logged all but "${message}":\n${lines()}`, { cause: error });
    });
  }

  /** What the admin port answers to a GET. */
  async admin(page: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`http://${CONTROLLER_ADDRESS}:${this.adminPort}${page}`);
    return { status: response.status, text: await response.text() };
  }

  /** The details of `/readyz`. */
  async readiness(): Promise<Readiness> {
    return JSON.parse((await this.admin('/readyz')).text) as Readiness;
  }

  /** The configuration in force. */
  async running(): Promise<ConfigDump> {
    return JSON.parse((await this.admin('/debug/config')).text) as ConfigDump;
  }

  /** Waits until the configuration in force in every worker is like this. */
  async untilRunning(holds: (config: ConfigDump) => boolean): Promise<void> {
    await eventually(() => this.running(), holds);
  }

  signal(name: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): void {
    this.#child.kill(name);
  }

  exited(): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    return this.#state.until(() => this.exit ?? undefined);
  }

  /** Ends it at once, whatever is under way. */
  async kill(): Promise<void> {
    if (this.exit === null) this.signal('SIGKILL');
    await this.exited();
  }

  #read(stream: NodeJS.ReadableStream | null): void {
    if (stream === null) return;
    readline.createInterface({ input: stream }).on('line', (line) => {
      if (line.startsWith('{')) this.logs.push(JSON.parse(line) as LogLine);
      else this.#otherOutput += `${line}\n`;
      this.#state.report();
    });
  }
}
