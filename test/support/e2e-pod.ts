/**
 * A pod of the end-to-end tests: a real HTTP server on an address of its own that says its name, echoes WebSockets, holds
 * requests back on demand, and goes away like a pod whose program handles SIGTERM.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';
import { AwaitedState } from './awaited-state.ts';

/** Requests for paths that end so are answered by `release` only. */
const HELD_SUFFIX = '/held';

export class Pod {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Received so far, held ones included. */
  requests: number;
  /** Accepted so far. */
  connections: number;
  /** Answers 500 to everything. */
  failing: boolean;
  readonly #server: Server;
  readonly #webSockets: WebSocketServer;
  readonly #held: ServerResponse[];
  readonly #state: AwaitedState;

  private constructor(name: string, address: string, port: number) {
    this.name = name;
    this.address = address;
    this.port = port;
    this.requests = 0;
    this.connections = 0;
    this.failing = false;
    this.#held = [];
    this.#state = new AwaitedState();
    // Longer than any test: connections end because the pod ends, not because it was bored.
    this.#server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => this.#answer(request, response));
    this.#server.on('connection', () => this.connections++);
    this.#webSockets = new WebSocketServer({ server: this.#server });
    this.#webSockets.on('connection', (socket) =>
      socket.on('message', (data, binary) => socket.send(data, { binary })),
    );
  }

  static async start(name: string, address: string, port = 8080): Promise<Pod> {
    const pod = new Pod(name, address, port);
    pod.#server.listen(port, address);
    await once(pod.#server, 'listening');
    return pod;
  }

  /** Resolves when a request is being held. */
  untilHeld(): Promise<void> {
    return this.#state.until(() => (this.#held.length > 0 ? null : undefined)).then(() => undefined);
  }

  release(): void {
    for (const response of this.#held.splice(0)) this.#sayName(response);
  }

  /** Takes no new connections, closes idle ones, finishes requests under way, then is gone. */
  async shutDown(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  /** Gone at once, whatever is under way. */
  kill(): void {
    for (const socket of this.#webSockets.clients) socket.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests++;
    request.resume();
    if (request.url?.endsWith(HELD_SUFFIX) === true) {
      this.#held.push(response);
      this.#state.report();
    } else {
      this.#sayName(response);
    }
  }

  #sayName(response: ServerResponse): void {
    // Closing a server ends only the connections that are idle at that moment.
    if (!this.#server.listening) response.shouldKeepAlive = false;
    if (this.failing) response.statusCode = 500;
    response.end(this.name);
  }
}
