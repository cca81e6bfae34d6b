/** Asks a gRPC endpoint for its health: `Check` of `grpc.health.v1.Health`, over HTTP/2. */
import type { OutgoingHttpHeaders } from 'node:http2';
import { toEndpointId } from '../model/proxy-config.ts';
import { decodeHealthStatus, encodeHealthRequest } from './grpc-health-message.ts';
import { USER_AGENT } from './http1-request.ts';
import type { Http2Answer, Http2Question } from './http2-connection.ts';
import type { ProbeAddress, Probing } from './probing.ts';

/** `google.rpc.Code`, by number. */
const GRPC_CODES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

export class GrpcQuestion implements Http2Question {
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer | null;

  constructor(probing: Probing, address: ProbeAddress) {
    const { host, headers, service, timeoutMs } = probing.check;
    this.headers = {
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      ':authority': host === '' ? toEndpointId(address.address, address.port) : host,
      'user-agent': USER_AGENT,
    };
    for (const { name, value } of headers) this.headers[name] = value;
    this.headers['content-type'] = 'application/grpc';
    this.headers['te'] = 'trailers';
    this.headers['grpc-timeout'] = `${timeoutMs}m`;
    this.body = encodeHealthRequest(service);
  }

  isDecidedBy(status: number): boolean {
    return status !== 200;
  }

  judge({ status, headers, trailers, body }: Http2Answer): string {
    if (status !== 200) return `status ${status}`;
    // An answer without a message has its status among the headers ("Trailers-Only").
    const code = Number(trailers['grpc-status'] ?? headers['grpc-status'] ?? Number.NaN);
    if (code !== 0) return `grpc ${GRPC_CODES[code] ?? 'without a status'}`;
    const served = decodeHealthStatus(Buffer.concat(body));
    return served === 'SERVING' ? '' : `grpc ${served}`;
  }
}
