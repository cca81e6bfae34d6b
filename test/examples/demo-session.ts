/** A running demo for tests: started on free ports, its output line by line, the commands it tells people to type. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LAST_INSTRUCTION = 'Ctrl-C stops everything.';

export class DemoSession {
  readonly lines: string[];
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #waiting: Set<(line: string) => void>;

  constructor() {
    this.lines = [];
    this.#waiting = new Set();
    this.#child = spawn(process.execPath, ['examples/demo/demo.ts', '--free-ports'], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    });
    for (const input of [this.#child.stdout, this.#child.stderr]) {
      if (input !== null) createInterface({ input }).on('line', (line) => this.#onLine(line));
    }
    this.exited = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** The first line from `start` on, past or future, that contains `text`. Rejects if the demo ends without one. */
  async line(text: string, start = 0): Promise<string> {
    const known = this.lines.slice(start).find((line) => line.includes(text));
    if (known !== undefined) return known;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#waiting.add((line) => {
      if (line.includes(text)) resolve(line);
    });
    const ended = this.exited.then((code) => {
      throw new Error(`the demo ended with ${code} and never said "${text}", but:\n${this.lines.join('\n')}`);
    });
    return Promise.race([promise, ended]);
  }

  /** Everything of the instructions that is to be typed into a shell. */
  async commands(): Promise<readonly string[]> {
    await this.line(LAST_INSTRUCTION);
    const from = this.lines.indexOf('In another terminal:') + 1;
    const block = this.lines.slice(from, this.lines.indexOf(LAST_INSTRUCTION));
    return block.filter((line) => line !== '' && !line.startsWith('#'));
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  #onLine(line: string): void {
    this.lines.push(line);
    for (const listener of this.#waiting) listener(line);
  }
}

/** What a command prints to standard output; rejects unless it exits 0. */
export function runInShell(command: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile('/bin/sh', ['-c', command], { cwd: ROOT, timeout: 60_000 }, (error, stdout, stderr) => {
    if (error === null) resolve(stdout);
    else reject(new Error(`${command}\n${stderr}`, { cause: error }));
  });
  return promise;
}
