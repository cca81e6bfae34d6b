/**
 * The admin port: liveness, readiness, metrics, the running configuration, where releases stand and what mirroring
 * found, all read-only. What is
 * behind the answers is passed in.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from '../log/logger.ts';

export interface AdminServerOptions {
  /** IP literal without brackets. */
  readonly bind: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Whether another process of the same user may have the port as well. */
  readonly reusePort: boolean;
  readonly logger: Logger;
  readonly readiness: () => { readonly ready: boolean; readonly detail: Readonly<Record<string, unknown>> };
  /** The text of a scrape. */
  readonly metrics: () => Promise<string>;
  /** What `/debug/config` shows; must be free of key material (see `dump-config.ts`). */
  readonly dump: () => Promise<unknown>;
  /** What `/debug/mirror` shows. */
  readonly mirror: () => Promise<unknown>;
  /** What `/debug/releases` shows. */
  readonly releases: () => unknown;
}

/** The text exposition format of Prometheus, which `MetricsRegistry.render` writes. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #pages: ReadonlyMap<string, () => Answer | Promise<Answer>>;
  readonly #server: Server;

  constructor(options: AdminServerOptions) {
    this.#options = options;
    this.#pages = new Map<string, () => Answer | Promise<Answer>>([
      ['/healthz', () => ({ status: 200, type: TEXT_TYPE, body: 'ok\n' })],
      ['/readyz', () => this.#readyz()],
      ['/metrics', async () => ({ status: 200, type: METRICS_TYPE, body: await options.metrics() })],
      ['/debug/config', async () => ({ status: 200, type: JSON_TYPE, body: toJson(await options.dump()) })],
      ['/debug/releases', () => ({ status: 200, type: JSON_TYPE, body: toJson(options.releases()) })],
      ['/debug/mirror', async () => ({ status: 200, type: JSON_TYPE, body: toJson(await options.mirror()) })],
    ]);
    // Scrapers and probes are few and quick; whoever is slow or many is neither.
    this.#server = createServer({
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      keepAliveTimeout: 30_000,
      connectionsCheckingInterval: 5_000,
      maxHeaderSize: 8_192,
    });
    this.#server.maxConnections = 256;
    this.#server.maxRequestsPerSocket = 10_000;
    this.#server.setTimeout(60_000);
    this.#server.on('request', (request, response) => {
      this.#respond(request, response).catch((error: unknown) => this.#fail(response, error));
    });
  }

  /** Resolves to the bound port; rejects when the address cannot be had. */
  listen(): Promise<number> {
    const { bind, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: bind, port, reusePort: this.#options.reusePort }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#options.logger.error('admin server failed', { error }));
        const address = this.#server.address();
        resolve(address !== null && typeof address === 'object' ? address.port : port);
      });
    });
  }

  /** Closes idle connections at once; answers in progress are finished. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Nothing here takes a body; what a client sends anyway is dropped with its connection.
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
      response.shouldKeepAlive = false;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      send(response, { status: 405, type: TEXT_TYPE, body: 'only GET and HEAD are allowed here\n' });
      return;
    }
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    const page = this.#pages.get(path);
    send(response, page === undefined ? this.#notFound() : await page());
  }

  #readyz(): Answer {
    const { ready, detail } = this.#options.readiness();
    return { status: ready ? 200 : 503, type: JSON_TYPE, body: toJson({ ready, ...detail }) };
  }

  #notFound(): Answer {
    return { status: 404, type: TEXT_TYPE, body: `not found; there is ${[...this.#pages.keys()].join(', ')}\n` };
  }

  #fail(response: ServerResponse, error: unknown): void {
    this.#options.logger.error('admin request failed', { error });
    if (response.headersSent) response.destroy();
    else send(response, { status: 500, type: TEXT_TYPE, body: 'internal error, see the log\n' });
  }
}

function send(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  // For HEAD node:http drops the body and keeps its length.
  response.end(answer.body);
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
