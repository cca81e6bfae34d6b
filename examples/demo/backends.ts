/** The three sample applications behind the demo: small HTTP servers in this process that say which one they are. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { renderPage } from './page.ts';

export interface BackendPlan {
  readonly name: string;
  readonly version: 'stable' | 'canary';
  /** As `manifests/services.yaml` has it. */
  readonly port: number;
}

export const BACKENDS: readonly BackendPlan[] = [
  { name: 'stable-1', version: 'stable', port: 9101 },
  { name: 'stable-2', version: 'stable', port: 9102 },
  { name: 'canary', version: 'canary', port: 9103 },
];

export interface ServedRequest {
  readonly backend: string;
  readonly method: string;
  readonly target: string;
  /** Made by the demo itself. */
  readonly builtIn: boolean;
}

/** What the built-in traffic calls itself. */
export const BUILT_IN_AGENT = 'sluice-demo';

const SLOW_ANSWER_MS = 2_000;

export class SampleBackend {
  readonly plan: BackendPlan;
  readonly #onServed: (request: ServedRequest) => void;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;

  constructor(plan: BackendPlan, onServed: (request: ServedRequest) => void) {
    this.plan = plan;
    this.#onServed = onServed;
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload: 65_536 });
    this.#server.on('upgrade', (request, socket, head) => {
      this.#report(request);
      this.#sockets.handleUpgrade(request, socket, head, (client) => {
        client.send(`${plan.name}: whatever you send comes back`);
        client.on('message', (data, isBinary) => client.send(data, { binary: isBinary }));
        client.on('error', () => client.terminate());
      });
    });
  }

  /** The port it really has. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** On the planned port, or on a free one where that is taken. */
  async listen(useFreePort: boolean): Promise<void> {
    if (!useFreePort && (await tryListen(this.#server, this.plan.port))) return;
    if (!(await tryListen(this.#server, 0))) throw new Error(`no free port on 127.0.0.1 for ${this.plan.name}`);
  }

  async close(): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate();
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #report({ method = '', url = '', headers }: IncomingMessage): void {
    const builtIn = headers['user-agent'] === BUILT_IN_AGENT;
    this.#onServed({ backend: this.plan.name, method, target: url, builtIn });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === '/healthz') {
      response.setHeader('Content-Type', 'text/plain').end('ok\n');
      return;
    }
    this.#report(request);
    request.resume();
    if (request.url === '/slow') setTimeout(() => this.#answerPage(request, response), SLOW_ANSWER_MS);
    else this.#answerPage(request, response);
  }

  #answerPage(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Cache-Control', 'no-store').setHeader('X-Backend', this.plan.name);
    if (request.headers.accept?.includes('text/html') === true) {
      response.setHeader('Content-Type', 'text/html; charset=utf-8').end(renderPage(this.plan, request));
    } else {
      response.setHeader('Content-Type', 'text/plain').end(`${this.plan.name}\n`);
    }
  }
}

/** False when the port is taken. */
function tryListen(server: Server, port: number): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EADDRINUSE') resolve(false);
    else reject(error);
  };
  server.once('error', onError);
  server.listen(port, '127.0.0.1', () => {
    server.off('error', onError);
    resolve(true);
  });
  return promise;
}
