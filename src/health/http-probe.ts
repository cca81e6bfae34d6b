/**
 * One HTTP health check on a connection of its own, which also proves that the endpoint still accepts connections.
 * The time limit belongs to `endpoint-probe.ts`.
 */
import type { Socket } from 'node:net';
import { Client, type Dispatcher, errors } from 'undici';
import { type EndpointAddress, type TransportConfig, toEndpointId } from '../model/proxy-config.ts';

/** More of a response body is not read: the answer stands, and an endless body must not cost the whole time limit. */
const MAX_BODY_BYTES = 64 * 1024;
const USER_AGENT = 'sluice-health';

/** Opens a connection as the upstream asks for it. `onDone` is called at most once; what is returned can be destroyed. */
export type ConnectProbe = (
  endpoint: EndpointAddress,
  transport: TransportConfig,
  onDone: (error: Error | null, socket: Socket) => void,
) => Socket;

export interface ProbeTarget {
  /** A host name is looked up anew for each probe. */
  readonly endpoint: EndpointAddress;
  readonly transport: TransportConfig;
  readonly path: string;
  /** Empty = the endpoint's address. */
  readonly host: string;
}

export class HttpProbe implements Dispatcher.DispatchHandler {
  readonly #onDone: (reason: string) => void;
  #client: Client | null;
  #socket: Socket | null;
  #bodyBytes: number;
  #done: boolean;

  /**
   * Starts at once. `onDone` is called once, never before the constructor returns, and not after `cancel`; its `reason` is
   * empty for a status from 200 to 399 whose body came to its end.
   */
  constructor(target: ProbeTarget, connect: ConnectProbe, onDone: (reason: string) => void) {
    this.#onDone = onDone;
    this.#client = null;
    this.#socket = null;
    this.#bodyBytes = 0;
    this.#done = false;
    try {
      this.#client = this.#createClient(target, connect);
      const headers = { 'user-agent': USER_AGENT, ...(target.host === '' ? null : { host: target.host }) };
      this.#client.dispatch({ method: 'GET', path: target.path, headers, reset: true }, this);
    } catch (error) {
      queueMicrotask(() => this.#finish(describeError(error)));
    }
  }

  /** Resolves when nothing is left of it. */
  async cancel(): Promise<void> {
    this.#done = true;
    this.#socket?.destroy();
    await this.#client?.destroy();
  }

  /** undici insists on it. */
  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    if (status >= 400) this.#finish(`status ${status}`);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > MAX_BODY_BYTES) this.#finish('');
  }

  onResponseEnd(): void {
    this.#finish('');
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    // Errors of the request itself (a bad path) arrive before `dispatch` returns.
    queueMicrotask(() => this.#finish(describeError(error)));
  }

  #createClient({ endpoint, transport }: ProbeTarget, connect: ConnectProbe): Client {
    const scheme = transport.tls === null ? 'http' : 'https';
    return new Client(`${scheme}://${toEndpointId(endpoint.address, endpoint.port)}`, {
      headersTimeout: 0,
      bodyTimeout: 0,
      // Our own, because undici does not give up a connection attempt when the request is aborted.
      connect: (_options, callback) => {
        this.#socket = connect(endpoint, transport, (error, socket) => {
          if (error !== null) {
            socket.destroy();
            callback(error, null);
            return;
          }
          this.#socket = socket;
          // In the clear nothing is negotiated; undici goes by this property.
          if (transport.protocol === 'http2') Object.assign(socket, { alpnProtocol: 'h2' });
          callback(null, socket);
        });
      },
    });
  }

  #finish(reason: string): void {
    if (this.#done) return;
    void this.cancel();
    this.#onDone(reason);
  }
}

/** Made of codes only: what an endpoint sends must not reach logs and metrics. */
function describeError(error: unknown): string {
  const code = readText(error, 'code');
  if (code === 'UND_ERR_SOCKET') return 'connection closed before the end of the response';
  if (error instanceof errors.HTTPParserError) return 'not an HTTP response';
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return 'response headers too large';
  if (code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_')) return `tls ${code}`;
  if (code.startsWith('UND_ERR_') || code.startsWith('ERR_')) return `probe impossible ${code}`;
  return `${readText(error, 'syscall') || 'connect'} ${code || 'failed'}`;
}

function readText(error: unknown, key: 'code' | 'syscall'): string {
  const value = error instanceof Error ? Reflect.get(error, key) : undefined;
  return typeof value === 'string' ? value : '';
}
