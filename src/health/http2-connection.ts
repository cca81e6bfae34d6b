/** Health checks over HTTP/2 on one connection: one stream for each. What is asked, and what the answer means, is the question's to say. */
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import { MAX_BODY_BYTES } from './expected-answer.ts';
import type { ConnectionUser } from './probe.ts';
import type { ConnectionOwner, ProbeConnection, ProbeLink } from './probe-connection.ts';
import { CLOSED_EARLY, describeProbeError } from './probe-error.ts';

export interface Http2Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  /** At most one frame more than `MAX_BODY_BYTES`. */
  readonly body: readonly Buffer[];
}

export interface Http2Question {
  readonly headers: http2.OutgoingHttpHeaders;
  /** Null = none. */
  readonly body: Buffer | null;
  /** True: the answer is complete with its head. */
  isDecidedBy(status: number): boolean;
  /** The reason of the failure; empty = healthy. */
  judge(answer: Http2Answer): string;
}

const SETTINGS: http2.Settings = { enablePush: false, maxHeaderListSize: 32_768 };

export class Http2Connection implements ProbeConnection, ConnectionUser {
  readonly #owner: ConnectionOwner;
  readonly #question: Http2Question;
  readonly #scheme: string;
  readonly #headers: http2.OutgoingHttpHeaders;
  #socket: Socket;
  #session: http2.ClientHttp2Session | null;
  /** The one that is asked; null = idle. */
  #stream: Http2Exchange | null;
  /** The endpoint accepts no further streams. */
  #isLeaving: boolean;
  #isOver: boolean;

  constructor({ probing, address, tools }: ProbeLink, owner: ConnectionOwner, question: Http2Question) {
    const { transport } = probing;
    this.#owner = owner;
    this.#question = question;
    this.#scheme = transport.tls === null ? 'http' : 'https';
    this.#headers = { ...question.headers, ':scheme': this.#scheme };
    this.#session = null;
    this.#stream = null;
    this.#isLeaving = false;
    this.#isOver = false;
    this.#socket = tools.connect(address, transport, this);
  }

  get tlsSession(): Buffer | null {
    return this.#owner.tlsSession;
  }

  get reads(): boolean {
    return false;
  }

  onRead(): void {}

  onConnected(socket: Socket): void {
    this.#socket = socket;
    // It may fail while it closes; nobody cares.
    socket.on('error', ignore);
    if (this.#isOver) {
      socket.destroy();
      return;
    }
    // The requests carry an `:authority` of their own.
    const session = http2.connect(`${this.#scheme}://localhost`, {
      createConnection: () => socket,
      settings: SETTINGS,
    });
    this.#session = session;
    this.#owner.onOpened();
    session.on('error', (error) => this.fail(describeProbeError(error)));
    session.on('close', () => this.fail(CLOSED_EARLY));
    session.on('goaway', () => this.#onGoaway());
    this.ask();
  }

  onFailed(error: Error): void {
    this.fail(describeProbeError(error));
  }

  onTlsSession(session: Buffer, resumed: boolean): void {
    if (!this.#isOver) this.#owner.onTlsSession(session, resumed);
  }

  ask(): void {
    const { body } = this.#question;
    const session = this.#session as http2.ClientHttp2Session;
    let stream: http2.ClientHttp2Stream;
    try {
      stream = session.request(this.#headers, { endStream: body === null });
    } catch (error) {
      // It went away in this very moment.
      queueMicrotask(() => this.fail(describeProbeError(error)));
      return;
    }
    if (body !== null) stream.end(body);
    this.#stream = new Http2Exchange(stream, this.#question, this);
  }

  destroy(): void {
    this.#isOver = true;
    this.#session?.destroy();
    this.#socket.destroy();
  }

  /** @param isClean the stream is closed in both directions */
  answer(reason: string, isClean: boolean): void {
    if (this.#isOver) return;
    this.#stream = null;
    const session = this.#session;
    const isUsable = session !== null && !session.closed && !session.destroyed && !this.#isLeaving;
    this.#owner.onAnswer(reason, isClean && isUsable ? Number.POSITIVE_INFINITY : 0);
  }

  fail(reason: string): void {
    if (this.#isOver) return;
    const isEarly = this.#stream?.hasHead !== true;
    this.destroy();
    this.#owner.onBroken(reason, isEarly);
  }

  #onGoaway(): void {
    this.#isLeaving = true;
    if (this.#stream === null) this.fail(CLOSED_EARLY);
  }
}

/** One question on a stream of its own. */
class Http2Exchange {
  readonly #question: Http2Question;
  readonly #connection: Http2Connection;
  readonly #body: Buffer[];
  #bodyBytes: number;
  #headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  #trailers: http2.IncomingHttpHeaders;
  #isOver: boolean;

  constructor(stream: http2.ClientHttp2Stream, question: Http2Question, connection: Http2Connection) {
    this.#question = question;
    this.#connection = connection;
    this.#body = [];
    this.#bodyBytes = 0;
    this.#headers = {};
    this.#trailers = {};
    this.#isOver = false;
    stream.on('response', (headers) => {
      this.#headers = headers;
      if (question.isDecidedBy(headers[':status'] ?? 0)) this.#answer(false);
    });
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers;
    });
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('error', (error) => this.#fail(describeProbeError(error)));
    stream.on('close', () => (stream.rstCode === 0 ? this.#answer(true) : this.#fail(CLOSED_EARLY)));
  }

  get hasHead(): boolean {
    return this.#headers[':status'] !== undefined;
  }

  #onData(chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    this.#body.push(chunk);
    if (this.#bodyBytes > MAX_BODY_BYTES) this.#answer(false);
  }

  #answer(isClean: boolean): void {
    const status = this.#headers[':status'];
    if (status === undefined) return this.#fail(CLOSED_EARLY);
    if (this.#isOver) return;
    this.#isOver = true;
    const reason = this.#question.judge({
      status,
      headers: this.#headers,
      trailers: this.#trailers,
      body: this.#body,
    });
    this.#connection.answer(reason, isClean);
  }

  #fail(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection.fail(reason);
  }
}

function ignore(): void {}
