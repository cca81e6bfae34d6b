/** Opens many connections to one port, lets each have one request answered, and keeps them open without a word. */
import { connect as connectClear, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export const PROTOCOLS = ['h1', 'h1-tls', 'h2-tls'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Handshakes in flight. More would only wait in the server's queue. */
const OPENING_AT_ONCE = 32;
/** From one address to one port there are no more than 64k ports, and the kernel gives out fewer than 30k by default. */
const CONNECTIONS_PER_ADDRESS = 20_000;

const HTTP1_REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const FRAME_HEAD_BYTES = 9;
const DATA = 0;
const HEADERS = 1;
const SETTINGS = 4;
/** The flag of two types of frames with two meanings: ACK of SETTINGS, END_STREAM of the others (RFC 9113 §6). */
const ACK_OR_END_STREAM = 1;
const END_HEADERS = 4;

export class IdleConnections {
  readonly #port: number;
  readonly #protocol: Protocol;
  readonly #sockets: Socket[];

  constructor(port: number, protocol: Protocol) {
    this.#port = port;
    this.#protocol = protocol;
    this.#sockets = [];
  }

  /** Opens until there are `count`; fails with the first that fails. */
  async open(count: number): Promise<void> {
    let next = this.#sockets.length;
    const openSome = async (): Promise<void> => {
      while (next < count) this.#sockets.push(await this.#openOne(next++));
    };
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, openSome));
  }

  /** How many the other side has closed. */
  get lost(): number {
    return this.#sockets.filter(({ destroyed, readableEnded }) => destroyed || readableEnded).length;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.length = 0;
  }

  #openOne(index: number): Promise<Socket> {
    const address = { port: this.#port, host: '127.0.0.1', ...sourceOf(index) };
    const socket =
      this.#protocol === 'h1'
        ? connectClear(address)
        : connectTls({
            ...address,
            servername: 'localhost',
            // The certificate was made for this run; nobody vouches for it.
            rejectUnauthorized: false,
            ALPNProtocols: [this.#protocol === 'h1-tls' ? 'http/1.1' : 'h2'],
          });
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const answered = (): void => resolve(socket);
    if (this.#protocol === 'h2-tls') exchangeHttp2(socket, answered);
    else exchangeHttp1(socket, answered);
    // Who is answered already is counted by `lost`; to reject a settled promise does nothing.
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`connection ${index + 1} was closed before it was answered`)));
    return promise;
  }
}

/** The first address is left to the kernel, for the sake of machines where 127.0.0.2 is nothing. */
function sourceOf(index: number): { readonly localAddress?: string } {
  const address = 1 + Math.floor(index / CONNECTIONS_PER_ADDRESS);
  return address === 1 ? {} : { localAddress: `127.0.0.${address}` };
}

function exchangeHttp1(socket: Socket, answered: () => void): void {
  let text = '';
  socket.write(HTTP1_REQUEST);
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    const head = /^HTTP\/1\.1 200 [^]*?\r\n\r\n/.exec(text)?.[0];
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head ?? '')?.[1] ?? Number.NaN);
    if (head !== undefined && text.length === head.length + length) answered();
    else if (text.length > 4_096) socket.destroy(new Error(`unexpected answer: ${text.slice(0, 100)}`));
  });
}

function exchangeHttp2(socket: Socket, answered: () => void): void {
  let rest: Buffer = Buffer.alloc(0);
  // Fields 2, 7 and 4 of the static table, and the name of field 1 with a value (RFC 7541 appendix A).
  const fields = Buffer.from('\x82\x87\x84\x01\x09localhost', 'latin1');
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const request = frame(HEADERS, ACK_OR_END_STREAM | END_HEADERS, 1, fields);
  socket.write(Buffer.concat([preface, frame(SETTINGS, 0, 0), request]));
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + rest.readUIntBE(0, 3);
      if (rest.length < end) return;
      const type = rest[3] ?? 0;
      const flagged = ((rest[4] ?? 0) & ACK_OR_END_STREAM) !== 0;
      if (type === SETTINGS && !flagged) socket.write(frame(SETTINGS, ACK_OR_END_STREAM, 0));
      if ((type === DATA || type === HEADERS) && flagged) answered();
      rest = rest.subarray(end);
    }
  });
}

function frame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}
