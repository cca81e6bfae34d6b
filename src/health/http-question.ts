/** An HTTP health check of an endpoint that speaks HTTP/2. */
import type { OutgoingHttpHeaders } from 'node:http2';
import { toEndpointId } from '../model/proxy-config.ts';
import { USER_AGENT } from './http1-request.ts';
import type { Http2Answer, Http2Question } from './http2-connection.ts';
import type { ProbeAddress, Probing } from './probing.ts';

export class HttpQuestion implements Http2Question {
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | null;
  readonly #probing: Probing;

  constructor(probing: Probing, address: ProbeAddress) {
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
  }

  isDecidedBy(status: number): boolean {
    return this.#probing.expected.judgeStatus(status) !== '';
  }

  judge({ status, body }: Http2Answer): string {
    const { expected } = this.#probing;
    return expected.judgeStatus(status) || expected.judgeBody(body);
  }
}
