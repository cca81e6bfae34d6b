/**
 * HTTP/1.1 health checks on one connection. Thousands of endpoints are probed this way all the time, so a probe that succeeds
 * on a connection that is there leaves nothing behind: no promise, timer, listener or object of its own.
 * Guarded by `bench/macro/health.ts`.
 */
import type { Socket } from 'node:net';
import { MAX_BODY_BYTES } from './expected-answer.ts';
import type { Http1Request } from './http1-request.ts';
import type { ConnectionUser, ProbeWriter, ResponseReader } from './probe.ts';
import type { ConnectionOwner, ProbeConnection, ProbeLink } from './probe-connection.ts';
import { CLOSED_EARLY, describeProbeError, describeWriteError } from './probe-error.ts';

export class Http1Connection implements ProbeConnection, ConnectionUser {
  readonly #link: ProbeLink;
  readonly #owner: ConnectionOwner;
  readonly #request: Http1Request;
  #socket: Socket;
  /** Null until it is open. */
  #writer: ProbeWriter | null;
  /** Null until the first bytes of an answer. */
  #response: ResponseReader | null;
  #isLast: boolean;
  /** An answer is awaited; else nobody was asked anything. */
  #isAsking: boolean;
  #isOver: boolean;

  constructor(link: ProbeLink, owner: ConnectionOwner, request: Http1Request, isLast: boolean) {
    const { probing, address, tools } = link;
    this.#link = link;
    this.#owner = owner;
    this.#request = request;
    this.#writer = null;
    this.#response = null;
    this.#isLast = isLast;
    this.#isAsking = false;
    this.#isOver = false;
    this.#socket = tools.connect(address, probing.transport, this);
  }

  get tlsSession(): Buffer | null {
    return this.#owner.tlsSession;
  }

  get reads(): boolean {
    return true;
  }

  onConnected(socket: Socket): void {
    this.#socket = socket;
    if (this.#isOver) {
      socket.destroy();
      return;
    }
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#break(describeProbeError(error)));
    socket.on('close', () => this.#onClose());
    this.#writer = this.#link.tools.createWriter(socket);
    this.#owner.onOpened();
    this.ask(this.#isLast);
  }

  onFailed(error: Error): void {
    this.#break(describeProbeError(error));
  }

  onTlsSession(session: Buffer, resumed: boolean): void {
    if (!this.#isOver) this.#owner.onTlsSession(session, resumed);
  }

  ask(isLast: boolean): void {
    this.#isLast = isLast;
    this.#isAsking = true;
    (this.#writer as ProbeWriter).writeText(isLast ? this.#request.lastText : this.#request.text);
  }

  destroy(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  onRead(buffer: Buffer, length: number): void {
    if (this.#isOver) return;
    // What nobody asked for could be taken for the next answer.
    if (!this.#isAsking) return this.#break(CLOSED_EARLY);
    const response = this.#response ?? this.#beginResponse();
    const progress = response.read(buffer, length);
    if (progress === 'broken') return this.#break('not an acceptable HTTP response');
    if (response.status === 0) return;
    const { expected } = this.#link.probing;
    const reason = expected.judgeStatus(response.status);
    if (reason !== '') this.#answer(reason, 0);
    else if (progress === 'complete') this.#complete(response);
    else if (response.bodyBytes > MAX_BODY_BYTES) this.#answer(expected.judgeBody(response.body), 0);
  }

  #beginResponse(): ResponseReader {
    const { probing, readers } = this.#link;
    const response = readers.take();
    response.begin(probing.check.method === 'HEAD', probing.expected.readsBody);
    this.#response = response;
    return response;
  }

  #complete(response: ResponseReader): void {
    const { probing, readers } = this.#link;
    const reason = probing.expected.judgeBody(response.body);
    const { keepMs } = response;
    this.#response = null;
    readers.give(response);
    this.#answer(reason, keepMs);
  }

  #onEnd(): void {
    const response = this.#response;
    if (response?.end() === true) this.#answer(this.#link.probing.expected.judgeBody(response.body), 0);
    else this.#break(CLOSED_EARLY);
  }

  #onClose(): void {
    const errno = this.#writer?.errno ?? 0;
    this.#break(errno === 0 ? CLOSED_EARLY : describeWriteError(errno));
  }

  #answer(reason: string, keepMs: number): void {
    if (this.#isOver) return;
    this.#isAsking = false;
    this.#owner.onAnswer(reason, this.#isLast ? 0 : keepMs);
  }

  #break(reason: string): void {
    if (this.#isOver) return;
    this.destroy();
    this.#owner.onBroken(reason, this.#response === null);
  }
}
