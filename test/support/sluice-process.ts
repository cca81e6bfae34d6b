/** The real program, from its sources, with a static configuration of its own and any free ports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { AwaitedState } from './awaited-state.ts';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface SluiceOptions {
  /** The static configuration; what can be written as JSON is YAML as well. Null: the further files are manifests. */
  readonly config: unknown;
  readonly args?: readonly string[];
  /** A module that is loaded first, in the process and in each of its threads. */
  readonly preload?: string;
  /** The limit of open files it runs under. */
  readonly openFiles?: number;
  /** Further files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A configuration that sends everything to one endpoint. */
export function configTo(address: string): unknown {
  return { upstreams: { a: { endpoints: [{ address }] } }, routes: [{ upstream: 'a' }] };
}

const MAIN = path.resolve(import.meta.dirname, '../../src/cli/main.ts');

export class SluiceProcess {
  readonly logs: LogLine[];
  /** What was printed that is no JSON, on either stream. */
  otherOutput: string;
  httpPort: number;
  httpsPort: number;
  adminPort: number;
  exit: { readonly code: number | null; readonly signal: string | null } | null;
  readonly #directory: string;
  #configText: string;
  readonly #child: ChildProcess;
  readonly #state: AwaitedState;

  constructor({ config, args = [], openFiles, preload, files = {} }: SluiceOptions) {
    this.logs = [];
    this.otherOutput = '';
    this.httpPort = 0;
    this.httpsPort = 0;
    this.adminPort = 0;
    this.exit = null;
    this.#state = new AwaitedState();
    this.#directory = mkdtempSync(path.join(tmpdir(), 'sluice-wire-'));
    for (const [name, content] of Object.entries(files)) this.writeFile(name, content);
    this.#configText = JSON.stringify(config);
    if (config !== null) this.writeFile('sluice.yaml', this.#configText);
    const ports = ['--http-port', '0', '--https-port', '0', '--admin-port', '0', '--bind', '127.0.0.1'];
    const file = path.join(this.#directory, 'sluice.yaml');
    const node = preload === undefined ? [process.execPath] : [process.execPath, '--import', preload];
    const source = config === null ? ['--manifests', this.#directory] : ['--config', file];
    const command = [...node, MAIN, 'serve', ...source, '--workers', '1', ...ports, ...args];
    const limited =
      openFiles === undefined ? command : ['sh', '-c', `ulimit -n ${openFiles}; exec "$0" "$@"`, ...command];
    this.#child = spawn(limited[0] ?? '', limited.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#read(this.#child.stdout);
    this.#read(this.#child.stderr);
    this.#child.on('close', (code, signal) => {
      this.exit = { code, signal };
      rmSync(this.#directory, { recursive: true, force: true });
      this.#state.report();
    });
  }

  /** Resolves when traffic can be served. */
  static async start(options: SluiceOptions): Promise<SluiceProcess> {
    const sluice = new SluiceProcess(options);
    const ready = await sluice.log('ready');
    sluice.httpPort = Number(ready['httpPort']);
    sluice.httpsPort = Number(ready['httpsPort']);
    sluice.adminPort = Number(ready['adminPort']);
    return sluice;
  }

  /** The first line with this message at or behind position `from` of `logs`. */
  log(message: string, from = 0, giveUpMs?: number): Promise<LogLine> {
    return this.#state.until(() => {
      const found = this.logs.slice(from).find(({ msg }) => msg === message);
      if (found !== undefined) return found;
      if (this.exit === null) return undefined;
      throw new Error(`exited before it logged "${message}": ${JSON.stringify(this.logs)} ${this.otherOutput}`);
    }, giveUpMs);
  }

  /** Replaces a file beside the configuration in one step, as editors and mounted volumes do. */
  writeFile(name: string, content: string): void {
    const file = path.join(this.#directory, name);
    writeFileSync(`${file}.new`, content);
    renameSync(`${file}.new`, file);
  }

  /** Resolves when the configuration is in force; one that is in force already changes nothing. */
  async reload(config: unknown): Promise<void> {
    const text = JSON.stringify(config);
    if (text === this.#configText) return;
    this.#configText = text;
    const from = this.logs.length;
    this.writeFile('sluice.yaml', text);
    await this.log('configuration applied', from);
  }

  /** A metric without labels, or with exactly these (`name{label="value"}`); NaN when there is none. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.adminPort}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return line === undefined ? Number.NaN : Number(line.slice(name.length + 1));
  }

  /** Resident memory of the whole process now, in bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * 1_024;
  }

  signal(name: 'SIGTERM' | 'SIGINT' | 'SIGKILL' | 'SIGUSR1' | 'SIGUSR2'): void {
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
      const parsed = parseLine(line);
      if (parsed === null) this.otherOutput += `${line}\n`;
      else this.logs.push(parsed);
      this.#state.report();
    });
  }
}

function parseLine(line: string): LogLine | null {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return null;
  }
}
