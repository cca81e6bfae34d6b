/** A back end that answers what its script says, byte for byte, and remembers every request and connection it saw. */
import net from 'node:net';
import { AwaitedState } from './awaited-state.ts';
import { fieldOf, type RawMessage, readHead, readRequest } from './raw-message.ts';

/** What is written in answer to a request; null leaves it to the script, which has the connection. */
export type Script = (request: UpstreamRequest) => string | Buffer | null;

export interface UpstreamRequest extends RawMessage {
  readonly method: string;
  readonly target: string;
  readonly connection: UpstreamPeer;
  /** 1 for the first request of its connection. */
  readonly turn: number;
  field(name: string): string | null;
}

export interface UpstreamOptions {
  /** Calls the script when the head is there, without waiting for the body. */
  readonly headOnly?: boolean;
}

export class UpstreamPeer {
  readonly socket: net.Socket;
  receivedBytes: number;
  ended: boolean;
  closed: boolean;
  /** Bytes of `received` that were taken as requests. */
  taken: number;
  turns: number;
  readonly #pieces: Buffer[];

  constructor(socket: net.Socket) {
    this.socket = socket;
    this.receivedBytes = 0;
    this.#pieces = [];
    this.ended = false;
    this.closed = false;
    this.taken = 0;
    this.turns = 0;
  }

  /** Everything received. */
  get received(): Buffer {
    if (this.#pieces.length > 1) this.#pieces.splice(0, this.#pieces.length, Buffer.concat(this.#pieces));
    return this.#pieces[0] ?? Buffer.alloc(0);
  }

  add(chunk: Buffer): void {
    this.#pieces.push(chunk);
    this.receivedBytes += chunk.length;
  }

  write(data: string | Buffer): boolean {
    return this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }
}

export class ScriptedUpstream {
  script: Script;
  readonly requests: UpstreamRequest[];
  readonly connections: UpstreamPeer[];
  readonly #server: net.Server;
  readonly #state: AwaitedState;
  readonly #headOnly: boolean;

  constructor(script: Script, { headOnly = false }: UpstreamOptions) {
    this.script = script;
    this.requests = [];
    this.connections = [];
    this.#state = new AwaitedState();
    this.#headOnly = headOnly;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  static async start(script: Script, options: UpstreamOptions = {}): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream(script, options);
    await new Promise<void>((resolve) => {
      upstream.#server.listen(0, '127.0.0.1', resolve);
    });
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Forgets what it has seen; open connections stay open. */
  forget(): void {
    this.requests.length = 0;
  }

  /** The `count`th request since the start or the last `forget`. */
  request(count = 1): Promise<UpstreamRequest> {
    return this.#state.until(() => this.requests[count - 1]);
  }

  until<T>(look: () => T | undefined): Promise<T> {
    return this.#state.until(look);
  }

  untilClosed(connection: UpstreamPeer): Promise<true> {
    return this.#state.until(() => (connection.closed || connection.ended ? true : undefined));
  }

  /** Resolves when nothing is open any more. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const { socket } of this.connections) socket.destroy();
    await closed;
  }

  #accept(socket: net.Socket): void {
    const connection = new UpstreamPeer(socket);
    this.connections.push(connection);
    this.#state.report();
    socket.on('data', (chunk: Buffer) => {
      connection.add(chunk);
      this.#takeRequests(connection);
      this.#state.report();
    });
    socket.on('end', () => {
      connection.ended = true;
      if (!this.#headOnly) socket.end();
      this.#state.report();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      connection.closed = true;
      this.#state.report();
    });
  }

  #takeRequests(connection: UpstreamPeer): void {
    const read = this.#headOnly ? readHead : readRequest;
    while (connection.turns === 0 || !this.#headOnly) {
      const rest = connection.received.subarray(connection.taken);
      const found = read(rest);
      if (found === null) return;
      connection.taken += found.used;
      connection.turns++;
      const request = toRequest(found.message, connection);
      this.requests.push(request);
      const answer = this.script(request);
      if (answer !== null) connection.write(answer);
    }
  }
}

function toRequest(message: RawMessage, connection: UpstreamPeer): UpstreamRequest {
  const [method = '', target = ''] = message.startLine.split(' ');
  return { ...message, method, target, connection, turn: connection.turns, field: (name) => fieldOf(message, name) };
}

/** A plain 200 with a body of known length. */
export function ok(body: string, ...fields: readonly string[]): string {
  return reply(200, body, ...fields);
}

export function reply(status: number, body: string, ...fields: readonly string[]): string {
  const lines = [`HTTP/1.1 ${status} Scripted`, `Content-Length: ${body.length}`, ...fields];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
