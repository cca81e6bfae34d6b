/**
 * A back end in a process of its own, which can be killed, stopped and told to misbehave. Started by `start`, as a program
 * it serves on the port it is given (0 = any), says its name to whoever asks, and shuts down like a pod on SIGTERM.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

export type PodMode = 'fine' | 'failing' | 'slow';

const SLOW_MS = 300;

export class ChildPod {
  readonly name: string;
  port: number;
  #process: ChildProcess | null;

  private constructor(name: string) {
    this.name = name;
    this.port = 0;
    this.#process = null;
  }

  static async start(name: string): Promise<ChildPod> {
    const pod = new ChildPod(name);
    await pod.restart();
    return pod;
  }

  get id(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** On the port it had before. */
  async restart(): Promise<void> {
    const child = fork(fileURLToPath(import.meta.url), [this.name, String(this.port)], { stdio: 'ignore' });
    this.#process = child;
    const [port] = (await once(child, 'message')) as [number];
    this.port = port;
  }

  behave(mode: PodMode): void {
    this.#process?.send(mode);
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(name);
  }

  /** Resolves when the process is gone. */
  async end(name: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(name);
    await exited;
  }
}

function serve(name: string, port: number): void {
  let mode: PodMode = 'fine';
  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    request.resume();
    request.on('end', () => {
      if (mode === 'failing') response.writeHead(500).end('failing');
      else if (mode === 'slow') setTimeout(() => response.end(name), SLOW_MS);
      else response.end(name);
    });
  });
  process.on('message', (next: PodMode) => {
    mode = next;
  });
  process.on('disconnect', () => process.exit());
  process.on('SIGTERM', () => {
    server.close(() => process.exit());
    server.closeIdleConnections();
  });
  server.listen(port, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) serve(process.argv[2] ?? '', Number(process.argv[3]));
