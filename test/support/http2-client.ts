/** An HTTP/2 client on `node:http2`, over TLS or in the clear, that sees what came and how each stream ended. */
import http2 from 'node:http2';
import { AwaitedState } from './awaited-state.ts';

export type RequestFields = Readonly<Record<string, string | string[]>>;

export class Http2Exchange {
  readonly stream: http2.ClientHttp2Stream;
  /** Names and values in turn, as they came. */
  fields: readonly string[];
  readonly interim: http2.IncomingHttpHeaders[];
  /** The response came to its proper end. */
  ended: boolean;
  closed: boolean;
  receivedBytes: number;
  readonly #pieces: Buffer[];
  readonly #state: AwaitedState;

  constructor(stream: http2.ClientHttp2Stream) {
    this.stream = stream;
    this.fields = [];
    this.interim = [];
    this.ended = false;
    this.closed = false;
    this.receivedBytes = 0;
    this.#pieces = [];
    this.#state = new AwaitedState();
    stream.on('headers', (headers) => this.interim.push(headers));
    stream.on('response', (_headers, _flags, fields: readonly string[]) => {
      this.fields = fields;
      this.#state.report();
    });
    stream.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.receivedBytes += piece.length;
      this.#state.report();
    });
    stream.on('end', () => {
      this.ended = stream.rstCode === http2.constants.NGHTTP2_NO_ERROR;
      this.#state.report();
    });
    stream.on('error', () => this.#state.report());
    stream.on('close', () => {
      this.closed = true;
      this.#state.report();
    });
  }

  get body(): string {
    return Buffer.concat(this.#pieces).toString('latin1');
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  field(name: string): string | undefined {
    const at = this.fields.findIndex((field, index) => index % 2 === 0 && field === name);
    return at === -1 ? undefined : this.fields[at + 1];
  }

  fieldsNamed(name: string): readonly string[] {
    return this.fields.filter((_, at) => at % 2 === 1 && this.fields[at - 1] === name);
  }

  /** Resolves with the head of the response. */
  async status(): Promise<number> {
    await this.until(() => this.fields.length > 0);
    return Number(this.field(':status'));
  }

  /** Resolves when the response is complete; fails when it never will be. */
  async response(): Promise<this> {
    await this.until(() => this.ended && this.fields.length > 0);
    return this;
  }

  /** Resolves when the stream is closed, with the code of its reset. */
  async resetCode(): Promise<number> {
    await this.until(() => this.closed);
    return this.stream.rstCode;
  }

  until(isSo: () => boolean): Promise<true> {
    return this.#state.until(() => {
      if (isSo()) return true;
      if (!this.closed) return undefined;
      throw new Error(`stream closed with ${this.stream.rstCode} after ${JSON.stringify(this.fields)}`);
    });
  }
}

export class Http2Client {
  readonly session: http2.ClientHttp2Session;
  /** Code of the GOAWAY that came; -1 = none. */
  goawayCode: number;
  closed: boolean;
  readonly #state: AwaitedState;

  constructor(session: http2.ClientHttp2Session) {
    this.session = session;
    this.goawayCode = -1;
    this.closed = false;
    this.#state = new AwaitedState();
    session.on('goaway', (code) => {
      this.goawayCode = code;
      this.#state.report();
    });
    session.on('error', () => this.#state.report());
    session.on('close', () => {
      this.closed = true;
      this.#state.report();
    });
  }

  /** Resolves when the server's settings are known. */
  static async connect(origin: string, options: http2.SecureClientSessionOptions = {}): Promise<Http2Client> {
    const client = new Http2Client(
      http2.connect(origin, { rejectUnauthorized: false, maxSessionMemory: 1_000, ...options }),
    );
    await new Promise<void>((resolve, reject) => {
      client.session.once('remoteSettings', () => resolve());
      client.session.once('error', reject);
    });
    return client;
  }

  /** Sends the head alone; the caller writes the body. */
  open(fields: RequestFields, endStream = false): Http2Exchange {
    return new Http2Exchange(this.session.request(fields, { endStream }));
  }

  get(path: string, fields: RequestFields = {}): Promise<Http2Exchange> {
    return this.open({ ':path': path, ':authority': 'a.example', ...fields }, true).response();
  }

  post(path: string, body: string | Buffer, fields: RequestFields = {}): Promise<Http2Exchange> {
    const exchange = this.open({ ':path': path, ':authority': 'a.example', ':method': 'POST', ...fields });
    exchange.stream.end(body);
    return exchange.response();
  }

  untilClosed(): Promise<true> {
    return this.#state.until(() => (this.closed ? true : undefined));
  }

  destroy(): void {
    this.session.destroy();
  }
}
