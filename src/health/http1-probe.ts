/**
 * One HTTP/1.1 health check on a connection of its own, which also proves that the endpoint still accepts connections.
 * Guarded by `bench/macro/health.ts`: thousands of endpoints are probed this way all the time.
 */
import type { Socket } from 'node:net';
import type { HealthCheckConfig } from '../model/health-check.ts';
import { toEndpointId } from '../model/proxy-config.ts';
import { MAX_BODY_BYTES } from './expected-answer.ts';
import type { Probe, ProbeDone, ProbeTools, ResponseReader } from './probe.ts';
import { CLOSED_EARLY, describeProbeError } from './probe-error.ts';
import type { ProbeAddress, Probing } from './probing.ts';

export class Http1Probe implements Probe {
  readonly #probing: Probing;
  readonly #onDone: ProbeDone;
  readonly #response: ResponseReader;
  #socket: Socket;
  #done: boolean;

  constructor(probing: Probing, address: ProbeAddress, tools: ProbeTools, onDone: ProbeDone) {
    const { check, transport, expected } = probing;
    this.#probing = probing;
    this.#onDone = onDone;
    this.#response = tools.createReader(check.method === 'HEAD', expected.readsBody);
    this.#done = false;
    this.#socket = tools.connect(address, transport, (error, socket) => {
      this.#socket = socket;
      if (this.#done || error !== null) this.#finish(describeProbeError(error));
      else this.#send(socket, toRequest(check, address));
    });
  }

  cancel(): void {
    this.#done = true;
    this.#socket.destroy();
  }

  #send(socket: Socket, request: string): void {
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#finish(describeProbeError(error)));
    socket.on('close', () => this.#finish(CLOSED_EARLY));
    socket.write(request, 'latin1');
  }

  #onData(chunk: Buffer): void {
    const response = this.#response;
    const progress = response.read(chunk);
    if (progress === 'broken') return this.#finish('not an acceptable HTTP response');
    if (response.status === 0) return;
    const { expected } = this.#probing;
    const reason = expected.judgeStatus(response.status);
    if (reason !== '') this.#finish(reason);
    else if (progress === 'complete' || response.bodyBytes > MAX_BODY_BYTES)
      this.#finish(expected.judgeBody(response.body));
  }

  #onEnd(): void {
    const isComplete = this.#response.end();
    this.#finish(isComplete ? this.#probing.expected.judgeBody(this.#response.body) : CLOSED_EARLY);
  }

  #finish(reason: string): void {
    this.#socket.destroy();
    if (this.#done) return;
    this.#done = true;
    this.#onDone(reason);
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
  return `${text}Connection: close\r\n\r\n`;
}

export const USER_AGENT = 'sluice-health';
