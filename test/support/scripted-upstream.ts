/** A back end that answers what its script says, byte for byte, and remembers every request and connection it saw. */
import net from 'node:net';
import tls from 'node:tls';
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
  /** Speaks TLS; the sockets of its connections are then `TLSSocket`s. */
  readonly tls?: tls.TlsOptions;
  /** Takes a PROXY protocol header off each connection before anything else. */
  readonly proxyHeader?: boolean;
}

export class UpstreamPeer {
  readonly socket: net.Socket;
  receivedBytes: number;
  ended: boolean;
  closed: boolean;
  /** Bytes of `received` that were taken as requests. */
  taken: number;
  turns: number;
  /** The PROXY protocol header it came with; empty = none. */
  readonly proxyHeader: Buffer;
  readonly #pieces: Buffer[];

  constructor(socket: net.Socket, proxyHeader: Buffer) {
    this.socket = socket;
    this.proxyHeader = proxyHeader;
    this.receivedBytes = 0;
    this.#pieces = [];
    this.ended = false;
    this.closed = false;
    this.taken = 0;
    this.turns = 0;
  }

  get tlsSocket(): tls.TLSSocket {
    return this.socket as tls.TLSSocket;
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
  /** Handshakes that failed. */
  readonly tlsErrors: Error[];
  readonly #server: net.Server;
  readonly #sockets: Set<net.Socket>;
  readonly #proxyHeaders: Map<number, Buffer>;
  readonly #state: AwaitedState;
  readonly #headOnly: boolean;

  constructor(script: Script, { headOnly = false, tls: tlsOptions, proxyHeader = false }: UpstreamOptions) {
    this.script = script;
    this.requests = [];
    this.connections = [];
    this.#state = new AwaitedState();
    this.#headOnly = headOnly;
    this.tlsErrors = [];
    this.#sockets = new Set();
    this.#proxyHeaders = new Map();
    let accept = (socket: net.Socket): void => this.#accept(socket);
    if (tlsOptions !== undefined) {
      const secure = tls.createServer(tlsOptions, (socket) => {
        socket.allowHalfOpen = true;
        this.#accept(socket);
      });
      secure.on('tlsClientError', (error) => {
        this.tlsErrors.push(error);
        this.#state.report();
      });
      accept = (socket) => secure.emit('connection', socket);
    }
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
      if (proxyHeader) this.#takeProxyHeader(socket, Buffer.alloc(0), accept);
      else accept(socket);
    });
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

  /** Ends every open connection with a bare FIN, whatever TLS on top of it would have to say. */
  endAll(): void {
    // Taken over by TLS, the stream would wait for a write that never completes; the handle itself does as it is told.
    for (const socket of this.#sockets) net.Socket.prototype._final.call(socket, () => undefined);
  }

  /** Resets every open connection, TLS or not. */
  resetAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Resolves when nothing is open any more. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const { socket } of this.connections) socket.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #takeProxyHeader(socket: net.Socket, received: Buffer, accept: (socket: net.Socket) => void): void {
    socket.once('data', (chunk: Buffer) => {
      const bytes = Buffer.concat([received, chunk]);
      const length = proxyHeaderLength(bytes);
      socket.pause();
      if (length > bytes.length) {
        this.#takeProxyHeader(socket, bytes, accept);
        socket.resume();
        return;
      }
      this.#proxyHeaders.set(socket.remotePort ?? 0, bytes.subarray(0, length));
      if (length < bytes.length) socket.unshift(bytes.subarray(length));
      accept(socket);
    });
  }

  #accept(socket: net.Socket): void {
    const connection = new UpstreamPeer(socket, this.#proxyHeaders.get(socket.remotePort ?? 0) ?? Buffer.alloc(0));
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
    socket.resume();
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

/** How long the header at the start of `bytes` is, as far as one can see; more than there is while it is incomplete. */
function proxyHeaderLength(bytes: Buffer): number {
  if (bytes[0] === 0x0d) return bytes.length < 16 ? 16 : 16 + bytes.readUInt16BE(14);
  const end = bytes.indexOf('\r\n');
  return end === -1 ? bytes.length + 1 : end + 2;
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
