/**
 * Back ends for mixed traffic, on Node's own HTTP: `/ANY/down/NAME/SIZE` sends a pattern, `/ANY/echo/NAME` sends back what it gets
 * as it comes, and an upgrade becomes a tunnel that echoes.
 */
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { SHOP_CERT, SHOP_KEY } from '../watch/key-pair-fixtures.ts';
import { Pattern } from './pattern.ts';

const PIECE_BYTES = 100_003;

export class PatternBackEnds {
  /** HTTP/1.1 in the clear. */
  readonly plain: string;
  /** HTTP/1.1 and HTTP/2 over TLS. */
  readonly secure: string;
  /** HTTP/2 in the clear. */
  readonly http2: string;
  readonly #servers: readonly Server[];
  readonly #sockets: Set<Socket>;

  private constructor(servers: readonly Server[]) {
    const [plain = '', secure = '', clear2 = ''] = servers.map(addressOf);
    this.plain = plain;
    this.secure = secure;
    this.http2 = clear2;
    this.#servers = servers;
    this.#sockets = new Set();
    for (const server of servers) {
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => this.#sockets.delete(socket));
      });
    }
  }

  static async start(): Promise<PatternBackEnds> {
    const plain = http.createServer({ noDelay: true }, serve);
    plain.on('upgrade', tunnel);
    const secure = http2.createSecureServer({ cert: SHOP_CERT, key: SHOP_KEY, allowHTTP1: true }, serve);
    secure.on('upgrade', tunnel);
    const clear2 = http2.createServer(serve);
    const servers = [plain, secure as unknown as Server, clear2 as unknown as Server];
    for (const server of servers) {
      server.on('sessionError', () => {});
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    return new PatternBackEnds(servers);
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function addressOf(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Request = http.IncomingMessage | http2.Http2ServerRequest;
type Response = http.ServerResponse | http2.Http2ServerResponse;

function serve(request: Request, response: Response): void {
  request.on('error', () => {});
  response.on('error', () => {});
  const [, , kind, name = '', size = '0'] = (request.url ?? '').split('/');
  if (kind === 'echo') {
    (request as http.IncomingMessage).pipe(response as http.ServerResponse);
    return;
  }
  // Node resets the stream of a request that was not read, at times before the whole answer is out.
  request.resume();
  const bytes = Number(size);
  // One half announces its length, the other does not.
  if (bytes % 2 === 0) response.setHeader('Content-Length', bytes);
  send(response as http.ServerResponse, new Pattern(name), bytes, 0);
}

function send(response: http.ServerResponse, pattern: Pattern, size: number, from: number): void {
  let at = from;
  while (at < size) {
    const length = Math.min(PIECE_BYTES, size - at);
    const flowing = response.write(pattern.bytes(at, length));
    at += length;
    if (flowing) continue;
    response.once('drain', () => send(response, pattern, size, at));
    return;
  }
  response.end();
}

function tunnel(_request: http.IncomingMessage, socket: Duplex, head: Buffer): void {
  socket.on('error', () => socket.destroy());
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.write(head);
  socket.pipe(socket);
}
