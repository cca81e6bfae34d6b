/** Starts the programs of a bench on one core each, waits until they answer, and stops them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { delimiter, join } from 'node:path';

export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

const START_TIMEOUT_MS = 20_000;
const RETRY_MS = 50;

/** Null when it is not installed. Servers often stand in directories that only root has in its PATH. */
export function findProgram(name: string): string | null {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const directory of directories) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

const taskset = findProgram('taskset');

/** The command that runs `command` on `core`, or anywhere without `taskset`. */
export function pin(core: number, command: readonly string[]): readonly string[] {
  return taskset === null ? command : [taskset, '--cpu-list', String(core), ...command];
}

/** None outlives the bench. */
const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGTERM');
});

export class PinnedProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  #output: string;
  #exited: boolean;

  constructor(name: string, core: number, command: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const [program = '', ...args] = pin(core, command);
    this.#name = name;
    this.#output = '';
    this.#exited = false;
    this.#child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-2_000);
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
    this.#child.on('error', (error) => keep(Buffer.from(error.message)));
    alive.add(this.#child);
    this.#child.on('close', () => {
      this.#exited = true;
      alive.delete(this.#child);
    });
  }

  /** `taskset` becomes the program it starts, so this is the program itself. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async listening(port: number): Promise<void> {
    const deadlineMs = performance.now() + START_TIMEOUT_MS;
    while (!(await accepts(port))) {
      if (this.#exited || performance.now() > deadlineMs) {
        throw new Error(`${this.#name} does not listen on port ${port}, but says:\n${this.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async stop(): Promise<void> {
    if (this.#exited) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 3_000);
    await closed;
    clearTimeout(timer);
  }
}

export function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    server.close(() => resolve(port));
  });
  return promise;
}

function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1', () => {
    socket.destroy();
    resolve(true);
  });
  socket.once('error', () => resolve(false));
  return promise;
}
