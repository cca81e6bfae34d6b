/** Sluice itself as a child of the demo: started as a user would start it, understood by its log, stopped by signal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const SLUICE_MAIN: string = join(import.meta.dirname, '../../src/cli/main.ts');

export interface Ports {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly adminPort: number;
}

/** One line of the log; `msg` is constant, what varies stands in further fields. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: string; readonly msg: string };

const DRAIN_SECONDS = 5;
const KILL_AFTER_MS = (DRAIN_SECONDS + 3) * 1000;

export class SluiceProcess {
  readonly ready: Promise<Ports>;
  /** Settles with what to say about the end, once the process is gone. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  constructor(args: readonly string[], onLog: (line: LogLine) => void) {
    // A process group of its own: Ctrl-C reaches the demo only, which then stops Sluice before the backends.
    this.#child = spawn(
      process.execPath,
      [SLUICE_MAIN, 'serve', ...args, '--drain-timeout', `${DRAIN_SECONDS}s`, '--log-format', 'json'],
      { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
    );
    const ready = Promise.withResolvers<Ports>();
    const ended = Promise.withResolvers<string>();
    this.ready = ready.promise;
    this.ended = ended.promise;
    const complaints: string[] = [];
    this.#readLines('stdout', (text) => {
      const line = parseLine(text);
      if (line === null) return;
      if (line.msg === 'ready') ready.resolve(line as unknown as Ports);
      if (line.level === 'error') complaints.push(text);
      onLog(line);
    });
    this.#readLines('stderr', (text) => complaints.push(text));
    this.#child.on('error', (error) => ended.resolve(`cannot start: ${error.message}`));
    // `close` comes after the last line of output.
    this.#child.on('close', (code, signal) => {
      ended.resolve([`ended with ${signal ?? `exit code ${code}`}`, ...complaints.slice(-10)].join('\n'));
    });
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), KILL_AFTER_MS);
    await this.ended;
    clearTimeout(timer);
  }

  #readLines(name: 'stdout' | 'stderr', onLine: (text: string) => void): void {
    const input = this.#child[name];
    if (input !== null) createInterface({ input }).on('line', onLine);
  }
}

function parseLine(text: string): LogLine | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'msg' in value ? (value as LogLine) : null;
  } catch {
    return null;
  }
}
