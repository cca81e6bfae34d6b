/** The peers of the controller, each in a process of its own: what they do then is not in the way of who measures. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ApiServerArguments, ApiServerMessage, ApiServerStart, ApiWrite } from './api-server.ts';
import type { RawObject } from './cluster.ts';

/** Their collections must not fall into the times that are measured, nor wait for cores that others use. */
const FEW_COLLECTIONS = ['--min-semi-space-size=64', '--max-semi-space-size=64', '--single-threaded-gc'];

function start(file: string, args: readonly string[] = []): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return fork(path, args, { execArgv: [...process.execArgv, ...FEW_COLLECTIONS] });
}

/** Its first message. */
async function firstMessage(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('a server of the bench ended');
  });
  const [message] = await Promise.race([once(child, 'message'), ended]);
  return message;
}

export class Pods {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(): Promise<Pods> {
    const child = start('./pods.ts');
    const { port } = (await firstMessage(child)) as AddressInfo;
    return new Pods(child, port);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

export class ApiServer {
  readonly kubeconfig: string;
  readonly #url: string;
  readonly #child: ChildProcess;
  readonly #open: Map<number, (atMs: number) => void>;
  #nextId: number;

  private constructor(child: ChildProcess, { kubeconfig, url }: ApiServerStart) {
    this.kubeconfig = kubeconfig;
    this.#url = url;
    this.#child = child;
    this.#open = new Map();
    this.#nextId = 1;
    child.on('message', (message: ApiServerMessage) => {
      if (!('id' in message)) return;
      this.#open.get(message.id)?.(message.atMs);
      this.#open.delete(message.id);
    });
  }

  static async start(args: ApiServerArguments): Promise<ApiServer> {
    const child = start('./api-server.ts', [JSON.stringify(args)]);
    return new ApiServer(child, (await firstMessage(child)) as ApiServerStart);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @returns when it was stored and watchers were told, by the clock that all processes share */
  put(plural: string, object: RawObject): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const write: ApiWrite = { id: this.#nextId++, plural, object };
    this.#open.set(write.id, resolve);
    this.#child.send(write);
    return promise;
  }

  /** Somebody who watches, and does nothing with what is told. */
  async watch(path: string): Promise<void> {
    const [response] = (await once(get(`${this.#url}${path}?watch=true`), 'response')) as [IncomingMessage];
    response.on('error', () => {});
    response.resume();
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}
