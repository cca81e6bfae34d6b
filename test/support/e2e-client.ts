/**
 * The clients of the end-to-end tests: one connection each, kept alive, one request at a time. Anything but a complete
 * answer is an error, nothing is repeated behind the test's back, and connections are counted.
 */
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { CONTROLLER_ADDRESS } from './e2e-controller.ts';

export interface ClientOptions {
  readonly port: number;
  /** Also the name asked for by SNI. */
  readonly host: string;
  /** PEM of what to trust; absent = clear text. */
  readonly trust?: string;
  /** False: a new connection for each request. */
  readonly keepAlive?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
  /** Of the certificate shown by the server; empty on clear text. */
  readonly fingerprint256: string;
}

/** Longer than any answer may take: a request that hangs is a failed one. */
const REQUEST_TIMEOUT_MS = 30_000;

export class HttpClient {
  readonly host: string;
  /** Opened so far. */
  connections: number;
  readonly #port: number;
  readonly #trust: string | null;
  readonly #agent: http.Agent;
  readonly #seen: WeakSet<Socket>;

  constructor({ port, host, trust, keepAlive = true }: ClientOptions) {
    this.host = host;
    this.connections = 0;
    this.#port = port;
    this.#trust = trust ?? null;
    this.#seen = new WeakSet();
    const agentOptions = { keepAlive, maxSockets: 1, maxCachedSessions: 0 };
    this.#agent = trust === undefined ? new http.Agent(agentOptions) : new https.Agent(agentOptions);
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const options: https.RequestOptions = {
      host: CONTROLLER_ADDRESS,
      port: this.#port,
      path,
      agent: this.#agent,
      timeout: REQUEST_TIMEOUT_MS,
      headers: { ...headers, host: this.host },
    };
    return new Promise((resolve, reject) => {
      const request =
        this.#trust === null
          ? http.request(options)
          : https.request({ ...options, ca: this.#trust, servername: this.host });
      request.on('socket', (socket) => this.#count(socket));
      request.on('timeout', () => request.destroy(new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`)));
      request.on('error', reject);
      request.on('response', (response) => void readAnswer(response).then(resolve, reject));
      request.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #count(socket: Socket): void {
    if (this.#seen.has(socket)) return;
    this.#seen.add(socket);
    this.connections++;
  }
}

async function readAnswer(response: http.IncomingMessage): Promise<Answer> {
  const { socket } = response;
  const fingerprint256 = socket instanceof TLSSocket ? socket.getPeerCertificate().fingerprint256 : '';
  const pieces: Buffer[] = [];
  // Iterating fails on a body that is cut short.
  for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
  return {
    status: response.statusCode ?? 0,
    body: Buffer.concat(pieces).toString(),
    headers: response.headers,
    fingerprint256,
  };
}
