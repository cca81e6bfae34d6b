/** A way to the API server that can break: a TCP relay whose connections can be cut, refused, or made silent. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class ApiRelay {
  readonly #targetPort: number;
  readonly #pairs: Set<readonly [client: Socket, server: Socket]>;
  /** True: connections are accepted, and nothing more comes of it. */
  silent: boolean;
  #server: Server;
  #port: number;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#pairs = new Set();
    this.silent = false;
    this.#server = createServer();
    this.#port = 0;
  }

  /** In front of the port of the API server at `url`. */
  static async start(url: string): Promise<ApiRelay> {
    const relay = new ApiRelay(Number(new URL(url).port));
    await relay.open();
    return relay;
  }

  /** Where clients find it. */
  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** Again on the same port after `shut`. */
  async open(): Promise<void> {
    this.#server = createServer((client) => this.#relay(client));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  /** Resets every connection; new ones are relayed. */
  cut(): void {
    for (const [client, server] of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /** Nothing more comes through on the present connections, in either direction, and nobody is told. New ones are relayed. */
  blackHole(): void {
    for (const [client, server] of this.#pairs) {
      client.unpipe(server);
      server.unpipe(client);
      client.pause();
      server.pause();
    }
  }

  /** Refuses new connections and resets the present ones. */
  async shut(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  #relay(client: Socket): void {
    const server = connect(this.#targetPort, '127.0.0.1');
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    for (const [one, other] of [pair, [server, client] as const]) {
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#pairs.delete(pair);
        other.destroy();
      });
    }
    if (this.silent) return;
    client.pipe(server);
    server.pipe(client);
  }
}
