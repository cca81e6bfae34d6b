/** An HTTP client that writes exactly the bytes it is told, and sees what comes back as messages and as the way it ended. */
import net from 'node:net';
import tls from 'node:tls';
import { AwaitedState } from './awaited-state.ts';
import { type RawMessage, readResponse, statusOf } from './raw-message.ts';

/** How the peer ended the connection: `end` = FIN, `reset` = RST or another error, `open` = not yet. */
export type Ending = 'open' | 'end' | 'reset';

export class RawClient {
  readonly socket: net.Socket;
  ending: Ending;
  readonly #state: AwaitedState;
  #received: Buffer;
  #pieces: Buffer[];
  receivedBytes: number;

  constructor(socket: net.Socket) {
    this.socket = socket;
    this.ending = 'open';
    this.#state = new AwaitedState();
    this.#received = Buffer.alloc(0);
    this.#pieces = [];
    this.receivedBytes = 0;
    socket.on('data', (chunk: Buffer) => {
      this.#pieces.push(chunk);
      this.receivedBytes += chunk.length;
      this.#state.report();
    });
    socket.on('end', () => this.#onEnding('end'));
    socket.on('error', () => this.#onEnding('reset'));
    socket.on('close', () => this.#onEnding('end'));
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', resolve);
    });
    return new RawClient(socket);
  }

  /** Any certificate is accepted; the socket's `getPeerCertificate` tells which one came. */
  static async connectTls(port: number, options: tls.ConnectionOptions): Promise<RawClient> {
    const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('secureConnect', resolve);
    });
    return new RawClient(socket);
  }

  /** Text is written as latin1: one byte per character. */
  write(data: string | Buffer): void {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** The next response, interim ones included. Fails when the connection ends before it is complete. */
  response(toHead = false): Promise<RawMessage> {
    return this.#state.until(() => {
      const read = readResponse(this.#bytes(), toHead, this.ending === 'end');
      if (read !== null) {
        this.#received = this.#received.subarray(read.used);
        return read.message;
      }
      if (this.ending === 'open') return undefined;
      throw new Error(`connection ended (${this.ending}) after ${JSON.stringify(this.#received.toString('latin1'))}`);
    });
  }

  async status(): Promise<number> {
    return statusOf(await this.response());
  }

  async statuses(count: number): Promise<readonly number[]> {
    const statuses: number[] = [];
    while (statuses.length < count) statuses.push(await this.status());
    return statuses;
  }

  /** Everything received and not yet taken, once the peer has ended the connection. */
  remainder(): Promise<{ readonly text: string; readonly ending: Ending }> {
    return this.#state.until(() =>
      this.ending === 'open' ? undefined : { text: this.#bytes().toString('latin1'), ending: this.ending },
    );
  }

  /** Takes everything received so far once it satisfies `isEnough`. */
  bytes(isEnough: (received: Buffer) => boolean): Promise<Buffer> {
    return this.#state.until(() => {
      const bytes = this.#bytes();
      if (isEnough(bytes)) {
        this.#received = Buffer.alloc(0);
        return bytes;
      }
      if (this.ending === 'open') return undefined;
      throw new Error(`connection ended (${this.ending}) after ${bytes.length} bytes`);
    });
  }

  /** Takes exactly this many bytes. */
  take(count: number): Promise<Buffer> {
    return this.#state.until(() => {
      const bytes = this.#bytes();
      if (bytes.length >= count) {
        this.#received = bytes.subarray(count);
        return bytes.subarray(0, count);
      }
      if (this.ending === 'open') return undefined;
      throw new Error(`connection ended (${this.ending}) with ${bytes.length} of ${count} bytes`);
    });
  }

  /** Resolves once this many bytes have come since the start, without looking at them. */
  received(bytes: number): Promise<true> {
    return this.#state.until(() => {
      if (this.receivedBytes >= bytes) return true;
      if (this.ending === 'open') return undefined;
      throw new Error(`connection ended (${this.ending}) after ${this.receivedBytes} bytes`);
    });
  }

  /** Resolves when nothing is left of the connection, on either side. */
  closed(): Promise<true> {
    return this.#state.until(() => (this.socket.destroyed ? true : undefined));
  }

  destroy(): void {
    this.socket.destroy();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  #bytes(): Buffer {
    if (this.#pieces.length > 0) this.#received = Buffer.concat([this.#received, ...this.#pieces.splice(0)]);
    return this.#received;
  }

  #onEnding(ending: Ending): void {
    if (this.ending === 'open') this.ending = ending;
    this.#state.report();
  }
}
