/**
 * Sends authenticated requests to the API server over one shared `undici` dispatcher. Credentials are asked for
 * before every request (tokens rotate), and a changed CA or client certificate swaps the dispatcher.
 */
import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { Agent, type Dispatcher, ProxyAgent, request, Socks5ProxyAgent } from 'undici';
import type { Logger } from '../log/logger.ts';
import { type LoadedKubeConfig, loadKubeConfig } from './kube-config.ts';
import { KubeApiError, parseStatusBody, toRetryAfterMs } from './kube-error.ts';

export interface KubeClientOptions {
  /** Value of `--kubeconfig`; null = look for one. */
  readonly kubeconfig: string | null;
  readonly logger: Logger;
  /** Sent as `User-Agent`. */
  readonly userAgent: string;
  /** Environment of the process. */
  readonly env: NodeJS.ProcessEnv;
}

export type Query = Readonly<Record<string, string>>;

export interface WriteRequest {
  /** PATCH: a merge patch (RFC 7386), whatever object it is for. */
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Sent as JSON. */
  readonly body: unknown;
}

/** A body that ends when its signal aborts. */
export type ResponseBody = AsyncIterable<Uint8Array>;

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 30_000;
/** Longest pause inside the body of a list. */
const BODY_PAUSE_MS = 60_000;
const MAX_ERROR_BODY_BYTES = 64 * 1024;
/** Twice what etcd stores of one object. */
const MAX_OBJECT_BYTES = 3 * 1024 * 1024;
/** Who wrote a field, in the bookkeeping of the API server. */
const FIELD_MANAGER = 'sluice';

interface RequestContent {
  readonly method: WriteRequest['method'];
  readonly contentType: string;
  readonly text: string;
}

type TlsOptions = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;

export class KubeClient {
  readonly #options: KubeClientOptions;
  #config: LoadedKubeConfig;
  #dispatcher: Dispatcher | null;
  #tlsFingerprint: string;
  /** Shared by callers that come while it runs: an exec plugin must not be started once per reflector. */
  #authorizing: Promise<Record<string, string>> | null;

  /** Throws with a message for the user when there is no API server to talk to. */
  constructor(options: KubeClientOptions) {
    this.#options = options;
    this.#config = loadKubeConfig(options.kubeconfig, options.env);
    this.#dispatcher = null;
    this.#tlsFingerprint = '';
    this.#authorizing = null;
  }

  get server(): string {
    return this.#config.server;
  }

  /** Of the credentials: that of the pod, or of the context in the kubeconfig. */
  get namespace(): string {
    return this.#config.namespace;
  }

  /** For logs: where the credentials came from. */
  get origin(): string {
    return this.#config.origin;
  }

  /** The whole body as text. Throws `KubeApiError` for any status but 200, and when the body is longer than `maxBytes`. */
  async getText(path: string, query: Query, maxBytes: number, signal: AbortSignal): Promise<string> {
    const body = await this.#send(path, query, { signal, bodyTimeoutMs: BODY_PAUSE_MS }, null);
    return readBounded(body, maxBytes);
  }

  /** One object. Throws `KubeApiError` for any status but 200, and a `SyntaxError` when the answer is no JSON. */
  async getObject(path: string, signal: AbortSignal): Promise<unknown> {
    return JSON.parse(await this.getText(path, {}, MAX_OBJECT_BYTES, signal));
  }

  /** Answers the object as it is stored now, or what became of it. Throws like `getObject`, but for 201. */
  async write({ method, path, body }: WriteRequest, signal: AbortSignal): Promise<unknown> {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const limits = { signal, bodyTimeoutMs: BODY_PAUSE_MS };
    const content = { method, contentType, text: JSON.stringify(body) };
    const answer = await this.#send(path, { fieldManager: FIELD_MANAGER }, limits, content);
    return JSON.parse(await readBounded(answer, MAX_OBJECT_BYTES));
  }

  /** The body as it arrives. No limit on pauses: the caller watches for silence. */
  async getStream(path: string, query: Query, signal: AbortSignal): Promise<ResponseBody> {
    return this.#send(path, query, { signal, bodyTimeoutMs: 0 }, null);
  }

  /** After a 401: forgets cached tokens and plugin answers, and reads the kubeconfig again. */
  dropCredentials(): void {
    try {
      this.#config = loadKubeConfig(this.#options.kubeconfig, this.#options.env);
    } catch (error) {
      this.#options.logger.warn('cannot reload credentials', { error });
    }
  }

  /** Ends every open connection. */
  close(): void {
    void this.#dispatcher?.destroy().catch(() => {});
    this.#dispatcher = null;
    this.#tlsFingerprint = '';
  }

  /** `content` null: a GET. */
  async #send(
    path: string,
    query: Query,
    limits: { readonly signal: AbortSignal; readonly bodyTimeoutMs: number },
    content: RequestContent | null,
  ): Promise<Dispatcher.ResponseData['body']> {
    const headers = await this.#authorize();
    limits.signal.throwIfAborted();
    const search = new URLSearchParams(query).toString();
    const {
      statusCode,
      headers: answered,
      body,
    } = await request(`${this.#config.server}${path}${search === '' ? '' : `?${search}`}`, {
      method: content?.method ?? 'GET',
      headers: {
        ...headers,
        accept: 'application/json',
        'user-agent': this.#options.userAgent,
        ...(content === null ? {} : { 'content-type': content.contentType }),
      },
      body: content?.text ?? null,
      dispatcher: this.#currentDispatcher(),
      signal: limits.signal,
      headersTimeout: HEADERS_TIMEOUT_MS,
      bodyTimeout: limits.bodyTimeoutMs,
    });
    if (statusCode === 200 || statusCode === 201) return body;
    const text = await readPrefix(body, MAX_ERROR_BODY_BYTES);
    throw new KubeApiError(statusCode, parseStatusBody(text), toRetryAfterMs(answered['retry-after']));
  }

  #currentDispatcher(): Dispatcher {
    if (this.#dispatcher === null) throw new Error('the kubernetes client has no dispatcher before it authorized');
    return this.#dispatcher;
  }

  #authorize(): Promise<Record<string, string>> {
    this.#authorizing ??= this.#readCredentials().finally(() => {
      this.#authorizing = null;
    });
    return this.#authorizing;
  }

  async #readCredentials(): Promise<Record<string, string>> {
    const options: RequestOptions = {};
    await this.#config.kubeConfig.applyToHTTPSOptions(options);
    this.#refreshDispatcher(options);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      // A token file may end in a newline, which `undici.request` refuses.
      if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
    }
    if (typeof options.auth === 'string') {
      headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    }
    return headers;
  }

  #refreshDispatcher(options: RequestOptions): void {
    const tls: TlsOptions = {};
    if (options.ca !== undefined) tls.ca = options.ca;
    if (options.cert !== undefined) tls.cert = options.cert;
    if (options.key !== undefined) tls.key = options.key;
    if (options.servername !== undefined) tls.servername = options.servername;
    if (options.rejectUnauthorized !== undefined) tls.rejectUnauthorized = options.rejectUnauthorized;
    const fingerprint = createHash('sha256').update(JSON.stringify(tls)).digest('hex');
    if (this.#dispatcher !== null && fingerprint === this.#tlsFingerprint) return;
    const previous = this.#dispatcher;
    this.#dispatcher = createDispatcher(this.#config, tls);
    this.#tlsFingerprint = fingerprint;
    if (previous !== null) {
      this.#options.logger.info('kubernetes tls credentials changed');
      // Graceful: open watches end by themselves.
      void previous.close().catch(() => {});
    }
  }
}

/** HTTP/1.1 on purpose: one socket a watch keeps a stalled stream from stalling the others. */
function createDispatcher(config: LoadedKubeConfig, tls: TlsOptions): Dispatcher {
  const connect = { ...tls, timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  const proxyUrl = config.kubeConfig.getCurrentCluster()?.proxyUrl;
  if (proxyUrl === undefined) return new Agent({ allowH2: false, keepAliveTimeout: KEEP_ALIVE_MS, connect });
  if (proxyUrl.startsWith('socks')) return new Socks5ProxyAgent(proxyUrl, { requestTls: connect });
  return new ProxyAgent({ uri: proxyUrl, requestTls: connect, allowH2: false });
}

/** `maxBytes` was not enough for a body. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';

  constructor(maxBytes: number) {
    super(`the api server's answer is longer than ${maxBytes} bytes`);
  }
}

async function readBounded(body: ResponseBody, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new BodyTooLargeError(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readPrefix(body: ResponseBody, maxBytes: number): Promise<string> {
  try {
    return await readBounded(body, maxBytes);
  } catch (error) {
    if (error instanceof BodyTooLargeError) return '';
    throw error;
  }
}
