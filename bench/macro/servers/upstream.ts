/**
 * Our own upstream, over raw sockets, so that as little as possible of the measured machine goes into it: answers requests
 * with the small body or the large one, after it has read theirs. Knows bodies with `Content-Length` and nothing else.
 * Usage: `upstream.ts <port>`.
 */
import { createServer, type Socket } from 'node:net';
import { LARGE_BODY_BYTES, LARGE_BODY_PATH, SMALL_BODY } from './bodies.ts';

const END_OF_HEAD = '\r\n\r\n';
const SMALL = responseWith(Buffer.from(SMALL_BODY));
const LARGE = responseWith(Buffer.alloc(LARGE_BODY_BYTES, 'x'));

function responseWith(body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}${END_OF_HEAD}`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

class Connection {
  readonly #socket: Socket;
  /** A head that has not ended yet. */
  #rest = '';
  #bodyBytesLeft = 0;
  #response = SMALL;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  read(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#bodyBytesLeft === 0) {
        from = this.#readHead(chunk, from);
        continue;
      }
      const bytes = Math.min(this.#bodyBytesLeft, chunk.length - from);
      from += bytes;
      this.#bodyBytesLeft -= bytes;
      if (this.#bodyBytesLeft === 0) this.#socket.write(this.#response);
    }
  }

  /** Returns where in `chunk` the head ends, or the end of it. */
  #readHead(chunk: Buffer, from: number): number {
    const before = this.#rest.length;
    const text = this.#rest + chunk.toString('latin1', from);
    const end = text.indexOf(END_OF_HEAD);
    if (end === -1) {
      this.#rest = text;
      return chunk.length;
    }
    const head = text.slice(0, end);
    this.#rest = '';
    this.#response = head.includes(LARGE_BODY_PATH) ? LARGE : SMALL;
    this.#bodyBytesLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#bodyBytesLeft === 0) this.#socket.write(this.#response);
    return from + end + END_OF_HEAD.length - before;
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  const connection = new Connection(socket);
  socket.on('data', (chunk: Buffer) => connection.read(chunk));
  socket.on('error', () => socket.destroy());
});
server.listen(Number(process.argv[2]), '127.0.0.1');
