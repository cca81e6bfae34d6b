/** An HTTP health check of an endpoint that speaks HTTP/2. */
import type { OutgoingHttpHeaders } from 'node:http2';
import { toEndpointId } from '../model/proxy-config.ts';
import { USER_AGENT } from './http1-probe.ts';
import { type Http2Answer, Http2Exchange, type Http2Request } from './http2-exchange.ts';
import type { Probe, ProbeDone, ProbeTools } from './probe.ts';
import type { ProbeAddress, Probing } from './probing.ts';

export class Http2Probe implements Probe, Http2Request {
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | null;
  readonly #probing: Probing;
  readonly #onDone: ProbeDone;
  readonly #exchange: Http2Exchange;

  constructor(probing: Probing, address: ProbeAddress, tools: ProbeTools, onDone: ProbeDone) {
    const { method, path, host, headers } = probing.check;
    this.headers = {
      ':method': method,
      ':path': path,
      ':authority': host === '' ? toEndpointId(address.address, address.port) : host,
      'user-agent': USER_AGENT,
    };
    for (const { name, value } of headers) this.headers[name] = value;
    this.body = null;
    this.#probing = probing;
    this.#onDone = onDone;
    this.#exchange = new Http2Exchange(probing, address, tools.connect, this);
  }

  isDecidedBy(status: number): boolean {
    return this.#probing.expected.judgeStatus(status) !== '';
  }

  onAnswer({ status, body }: Http2Answer): void {
    const { expected } = this.#probing;
    this.#onDone(expected.judgeStatus(status) || expected.judgeBody(body));
  }

  onFailed(reason: string): void {
    this.#onDone(reason);
  }

  cancel(): void {
    this.#exchange.cancel();
  }
}
