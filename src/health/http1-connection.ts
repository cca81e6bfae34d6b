/**
 * HTTP/1.1 health checks on one connection. Guarded by `bench/macro/health.ts`: thousands of endpoints are probed this way
 * all the time.
 */
import type { Socket } from 'node:net';
import type { HealthCheckConfig } from '../model/health-check.ts';
import { toEndpointId } from '../model/proxy-config.ts';
import { MAX_BODY_BYTES } from './expected-answer.ts';
import type { ConnectionUser, ResponseReader } from './probe.ts';
import type { ConnectionOwner, ProbeConnection, ProbeLink } from './probe-connection.ts';
import { CLOSED_EARLY, describeProbeError } from './probe-error.ts';
import type { ProbeAddress } from './probing.ts';

export class Http1Connection implements ProbeConnection, ConnectionUser {
  readonly #link: ProbeLink;
  readonly #owner: ConnectionOwner;
  /** Without the empty line at its end. */
  readonly #request: string;
  #socket: Socket;
  #isLast: boolean;
  /** Null = idle: nobody was asked anything. */
  #response: ResponseReader | null;
  /** Of the present answer. */
  #hasRead: boolean;
  #isOver: boolean;

  constructor(link: ProbeLink, owner: ConnectionOwner, isLast: boolean) {
    this.#link = link;
    this.#owner = owner;
    this.#request = toRequest(link.probing.check, link.address);
    this.#isLast = isLast;
    this.#response = null;
    this.#hasRead = false;
    this.#isOver = false;
    this.#socket = link.tools.connect(link.address, link.probing.transport, this);
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
    socket.on('close', () => this.#break(CLOSED_EARLY));
    this.ask(this.#isLast);
  }

  onFailed(error: Error): void {
    this.#break(describeProbeError(error));
  }

  onTlsSession(session: Buffer, resumed: boolean): void {
    if (!this.#isOver) this.#owner.onTlsSession(session, resumed);
  }

  ask(isLast: boolean): void {
    const { probing, tools } = this.#link;
    this.#isLast = isLast;
    this.#response = tools.createReader(probing.check.method === 'HEAD', probing.expected.readsBody);
    this.#hasRead = false;
    this.#socket.write(isLast ? `${this.#request}Connection: close\r\n\r\n` : `${this.#request}\r\n`, 'latin1');
  }

  destroy(): void {
    this.#isOver = true;
    this.#socket.destroy();
  }

  onRead(bytes: Buffer): void {
    if (this.#isOver) return;
    const response = this.#response;
    // What nobody asked for could be taken for the next answer.
    if (response === null) return this.#break(CLOSED_EARLY);
    this.#hasRead = true;
    const progress = response.read(bytes);
    if (progress === 'broken') return this.#break('not an acceptable HTTP response');
    if (response.status === 0) return;
    const { expected } = this.#link.probing;
    const reason = expected.judgeStatus(response.status);
    if (reason !== '') this.#answer(reason, 0);
    else if (progress === 'complete') this.#answer(expected.judgeBody(response.body), response.keepMs);
    else if (response.bodyBytes > MAX_BODY_BYTES) this.#answer(expected.judgeBody(response.body), 0);
  }

  #onEnd(): void {
    const response = this.#response;
    if (response?.end() === true) this.#answer(this.#link.probing.expected.judgeBody(response.body), 0);
    else this.#break(CLOSED_EARLY);
  }

  #answer(reason: string, keepMs: number): void {
    if (this.#isOver) return;
    this.#response = null;
    this.#owner.onAnswer(reason, this.#isLast ? 0 : keepMs);
  }

  #break(reason: string): void {
    if (this.#isOver) return;
    this.destroy();
    this.#owner.onBroken(reason, !this.#hasRead);
  }
}

/** Every part was checked against its grammar when the configuration was read. */
function toRequest(check: HealthCheckConfig, { address, port }: ProbeAddress): string {
  const host = check.host === '' ? toEndpointId(address, port) : check.host;
  let text = `${check.method} ${check.path} HTTP/1.1\r\nHost: ${host}\r\n`;
  let isNamed = false;
  for (const { name, value } of check.headers) {
    text += `${name}: ${value}\r\n`;
    if (name === 'user-agent') isNamed = true;
  }
  if (!isNamed) text += `User-Agent: ${USER_AGENT}\r\n`;
  // Some servers wait for a body of unknown length otherwise (RFC 9110 §8.6).
  if (check.method === 'POST') text += 'Content-Length: 0\r\n';
  return text;
}

export const USER_AGENT = 'sluice-health';
