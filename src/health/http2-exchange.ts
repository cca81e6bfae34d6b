/** One request over HTTP/2 on a connection of its own, for the probes that need it. What the answer means is theirs to say. */
import http2 from 'node:http2';
import type { Socket } from 'node:net';
import { MAX_BODY_BYTES } from './expected-answer.ts';
import type { ConnectProbe } from './probe.ts';
import { CLOSED_EARLY, describeProbeError } from './probe-error.ts';
import type { ProbeAddress, Probing } from './probing.ts';

export interface Http2Answer {
  readonly status: number;
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  /** At most one frame more than `MAX_BODY_BYTES`. */
  readonly body: readonly Buffer[];
}

export interface Http2Request {
  readonly headers: http2.OutgoingHttpHeaders;
  /** Null = none. */
  readonly body: Buffer | null;
  /** True: the answer is complete with its head. */
  isDecidedBy(status: number): boolean;
  /** Neither is called after `cancel`, and only one of them, once. */
  onAnswer(answer: Http2Answer): void;
  onFailed(reason: string): void;
}

const SETTINGS: http2.Settings = { enablePush: false, maxHeaderListSize: 32_768 };

export class Http2Exchange {
  readonly #request: Http2Request;
  readonly #body: Buffer[];
  #bodyBytes: number;
  #headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  #trailers: http2.IncomingHttpHeaders;
  #socket: Socket;
  #session: http2.ClientHttp2Session | null;
  #done: boolean;

  constructor({ transport }: Probing, address: ProbeAddress, connect: ConnectProbe, request: Http2Request) {
    this.#request = request;
    this.#body = [];
    this.#bodyBytes = 0;
    this.#headers = {};
    this.#trailers = {};
    this.#session = null;
    this.#done = false;
    this.#socket = connect(address, transport, (error, socket) => {
      this.#socket = socket;
      // It may fail while it closes; nobody cares.
      socket.on('error', ignore);
      if (error !== null) this.#fail(describeProbeError(error));
      else if (!this.#done) this.#send(socket, transport.tls !== null);
    });
  }

  cancel(): void {
    this.#done = true;
    this.#session?.destroy();
    this.#socket.destroy();
  }

  #send(socket: Socket, isSecure: boolean): void {
    const scheme = isSecure ? 'https' : 'http';
    // The request carries an `:authority` of its own.
    const session = http2.connect(`${scheme}://localhost`, { createConnection: () => socket, settings: SETTINGS });
    this.#session = session;
    session.on('error', (error) => this.#fail(describeProbeError(error)));
    session.on('close', () => this.#fail(CLOSED_EARLY));
    const { headers, body } = this.#request;
    const stream = session.request({ ...headers, ':scheme': scheme }, { endStream: body === null });
    stream.on('response', (answered) => {
      this.#headers = answered;
      if (this.#request.isDecidedBy(answered[':status'] ?? 0)) this.#answer();
    });
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers;
    });
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('error', (error) => this.#fail(describeProbeError(error)));
    stream.on('close', () => (stream.rstCode === 0 ? this.#answer() : this.#fail(CLOSED_EARLY)));
    if (body !== null) stream.end(body);
  }

  #onData(chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    this.#body.push(chunk);
    if (this.#bodyBytes > MAX_BODY_BYTES) this.#answer();
  }

  #answer(): void {
    const status = this.#headers[':status'];
    if (status === undefined) return this.#fail(CLOSED_EARLY);
    if (this.#done) return;
    this.cancel();
    this.#request.onAnswer({ status, headers: this.#headers, trailers: this.#trailers, body: this.#body });
  }

  #fail(reason: string): void {
    if (this.#done) return;
    this.cancel();
    this.#request.onFailed(reason);
  }
}

function ignore(): void {}
