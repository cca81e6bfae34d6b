/**
 * The HTTPS port that API servers send AdmissionReviews to: limits of size, time and number, and nothing else. What is
 * answered stands in `admission-webhook.ts`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Logger } from '../log/logger.ts';
import type { KeyPair } from '../model/objects.ts';
import type { AdmissionWebhook } from './admission-webhook.ts';

export interface AdmissionServerOptions {
  /** IP literal without brackets. */
  readonly bind: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Whether another process of the same user may have the port as well. */
  readonly reusePort: boolean;
  readonly logger: Logger;
  readonly webhook: AdmissionWebhook;
}

/** Where API servers are to be sent; others are told. */
export const ADMISSION_PATH = '/validate';

/** The limit of API servers themselves. */
const MAX_BODY_BYTES = 3 * 1_024 * 1_024;
/** Of all bodies that are being read, together. */
const MAX_BUFFERED_BYTES = 16 * MAX_BODY_BYTES;
const MAX_CONNECTIONS = 256;
const TEXT_TYPE = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export class AdmissionServer {
  readonly #options: AdmissionServerOptions;
  readonly #server: Server;
  #bufferedBytes: number;

  constructor(options: AdmissionServerOptions) {
    this.#options = options;
    this.#bufferedBytes = 0;
    // API servers keep idle connections for 90 s: theirs is to close them, else reviews meet closed connections.
    this.#server = createServer({
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      keepAliveTimeout: 120_000,
      handshakeTimeout: 10_000,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: 16_384,
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('request', (request, response) => {
      this.#respond(request, response).catch((error: unknown) => this.#fail(response, error));
    });
    this.#server.on('tlsClientError', (error) => options.logger.debug('webhook handshake failed', { error }));
  }

  /** Resolves to the bound port; rejects when the address cannot be had. Until `useKeyPair`, handshakes fail. */
  listen(): Promise<number> {
    const { bind, port, reusePort, logger } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: bind, port, reusePort }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => logger.error('webhook server failed', { error }));
        const address = this.#server.address();
        resolve(address !== null && typeof address === 'object' ? address.port : port);
      });
    });
  }

  /** For handshakes from now on; open connections go on. */
  useKeyPair({ certPem, keyPem }: KeyPair): void {
    this.#server.setSecureContext({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' });
  }

  /** Closes idle connections at once; answers in progress are finished. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refusal = this.#refuse(request);
    const body = refusal === null ? await this.#readBody(request) : null;
    // The client went away, or was too slow.
    if (request.errored !== null || (request.destroyed && !request.complete)) return;
    const startMs = performance.now();
    const answer = refusal ?? (body === null ? TOO_LARGE : this.#review(body));
    const { totals } = this.#options.webhook;
    if (answer.status === 200) totals.observe((performance.now() - startMs) / 1_000);
    else totals.count('failed');
    // What is not read of a body would be taken for the next request.
    if (!request.complete) response.shouldKeepAlive = false;
    send(response, answer);
  }

  /** Before the body: what it would be, and whether there is room for it. */
  #refuse({ method, url = '', headers }: IncomingMessage): Answer | null {
    if (url.split('?', 1)[0] !== ADMISSION_PATH) return text(404, `not found; there is ${ADMISSION_PATH}`);
    if (method !== 'POST') return text(405, 'only POST is allowed here');
    const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
    if (type !== 'application/json') return text(415, 'expected content-type application/json');
    if (Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES) return TOO_LARGE;
    if (!this.#options.webhook.ready) return text(503, 'the objects of the cluster are not known yet');
    if (this.#bufferedBytes > MAX_BUFFERED_BYTES - MAX_BODY_BYTES) return text(503, 'too many reviews at once');
    return null;
  }

  /** Null when there is more than a review may have. */
  async #readBody(request: IncomingMessage): Promise<Buffer | null> {
    const pieces: Buffer[] = [];
    let length = 0;
    try {
      // Ending early must not cut the connection: the answer is still to go out on it.
      const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
      for await (const piece of body) {
        length += piece.length;
        this.#bufferedBytes += piece.length;
        if (length > MAX_BODY_BYTES) return null;
        pieces.push(piece);
      }
    } finally {
      this.#bufferedBytes -= length;
    }
    return Buffer.concat(pieces, length);
  }

  #review(body: Buffer): Answer {
    let parsed: unknown;
    try {
      parsed = JSON.parse(body.toString('utf8'));
    } catch {
      return text(400, 'expected a body of valid JSON');
    }
    const answer = this.#options.webhook.review(parsed);
    if ('error' in answer) return text(400, answer.error);
    return { status: 200, type: JSON_TYPE, body: JSON.stringify(answer) };
  }

  #fail(response: ServerResponse, error: unknown): void {
    // A client that goes away in the middle of its body is no fault of anybody here.
    if (error instanceof Error && 'code' in error && error.code === 'ECONNRESET') return;
    this.#options.logger.error('admission review failed', { error });
    this.#options.webhook.totals.count('failed');
    if (response.headersSent) response.destroy();
    else send(response, text(500, 'internal error, see the log'));
  }
}

function text(status: number, body: string): Answer {
  return { status, type: TEXT_TYPE, body: `${body}\n` };
}

const TOO_LARGE: Answer = text(413, `a review has at most ${MAX_BODY_BYTES} bytes`);

function send(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...(status === 405 ? { allow: 'POST' } : {}),
    ...(status === 503 ? { 'retry-after': '1' } : {}),
  });
  response.end(body);
}
