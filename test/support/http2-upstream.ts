/** A back end on `node:http2` that remembers the requests it saw and answers as its script says. */
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { AwaitedState } from './awaited-state.ts';

export class Http2Request {
  readonly stream: http2.ServerHttp2Stream;
  /** Of the stream, also when that is closed. */
  readonly session: http2.Http2Session | undefined;
  /** Names and values in turn, as they came. */
  readonly fields: readonly string[];
  readonly trailers: string[];
  body: Buffer;
  /** The body has come to its end. */
  ended: boolean;
  closed: boolean;

  constructor(stream: http2.ServerHttp2Stream, fields: readonly string[], report: () => void) {
    this.stream = stream;
    this.session = stream.session;
    this.fields = fields;
    this.trailers = [];
    this.body = Buffer.alloc(0);
    this.ended = false;
    this.closed = false;
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('trailers', (_headers, _flags, raw: readonly string[]) => this.trailers.push(...raw));
    stream.on('error', () => {});
    stream.on('aborted', report);
    stream.on('close', () => {
      this.closed = true;
      report();
    });
    stream.on('end', () => {
      this.body = Buffer.concat(pieces);
      this.ended = true;
      report();
    });
  }

  field(name: string): string | undefined {
    const at = this.fields.findIndex((field, index) => index % 2 === 0 && field === name);
    return at === -1 ? undefined : this.fields[at + 1];
  }

  /** Names, in their order. */
  get names(): readonly string[] {
    return this.fields.filter((_, at) => at % 2 === 0);
  }

  answer(body: string | Buffer, fields: http2.OutgoingHttpHeaders = {}): void {
    this.stream.respond({ ':status': 200, ...fields });
    this.stream.end(body);
  }
}

export type Http2Script = (request: Http2Request) => void;

export class Http2Upstream {
  /** Called when the body of a request has come. */
  script: Http2Script;
  readonly requests: Http2Request[];
  readonly sessions: http2.ServerHttp2Session[];
  readonly #server: http2.Http2Server;
  readonly #state: AwaitedState;

  private constructor(script: Http2Script) {
    this.script = script;
    this.requests = [];
    this.sessions = [];
    this.#state = new AwaitedState();
    this.#server = http2.createServer({ settings: { maxHeaderListSize: 65_536 } });
    this.#server.on('session', (session) => {
      this.sessions.push(session);
      session.on('error', () => {});
      session.on('close', () => this.#state.report());
    });
    this.#server.on('stream', (stream: http2.ServerHttp2Stream, _headers, _flags, raw: readonly string[]) => {
      const request = new Http2Request(stream, raw, () => this.#state.report());
      this.requests.push(request);
      stream.on('end', () => this.script(request));
      this.#state.report();
    });
  }

  static async start(script: Http2Script): Promise<Http2Upstream> {
    const upstream = new Http2Upstream(script);
    await new Promise<void>((resolve) => {
      upstream.#server.listen(0, '127.0.0.1', resolve);
    });
    return upstream;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  forget(): void {
    this.requests.length = 0;
  }

  /** The `count`th request since the start or the last `forget`, when its head has come. */
  request(count = 1): Promise<Http2Request> {
    return this.#state.until(() => this.requests[count - 1]);
  }

  until<T>(look: () => T | undefined): Promise<T> {
    return this.#state.until(look);
  }

  async close(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}
