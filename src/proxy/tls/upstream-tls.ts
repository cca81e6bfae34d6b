/**
 * TLS towards one endpoint: what is offered and demanded in the handshake, the session that makes the next one cheap, and
 * the log line when it fails.
 */
import type tls from 'node:tls';
import type { Endpoint } from '../../balancer/endpoint.ts';
import type { UpstreamTlsConfig } from '../../model/proxy-config.ts';
import { ThrottledWarning } from '../throttled-warning.ts';
import type { DialSink } from '../upstream-dialer.ts';
import type { WorkerContext } from '../worker-context.ts';
import { CloseNotify } from './close-notify.ts';
import { findAlpnFault, toSni, toUpstreamTlsOptions } from './upstream-tls-options.ts';

/** A reason may quote names from a certificate, which its owner can make as long as he likes. */
const MAX_REASON_LENGTH = 300;

export class UpstreamTls {
  readonly #worker: WorkerContext;
  readonly #endpoint: Endpoint;
  readonly #config: UpstreamTlsConfig;
  readonly #warning: ThrottledWarning;
  /** Of the last handshake with this endpoint, under this very configuration. */
  #session: Buffer | null;

  constructor(worker: WorkerContext, endpoint: Endpoint, config: UpstreamTlsConfig) {
    this.#worker = worker;
    this.#endpoint = endpoint;
    this.#config = config;
    this.#warning = new ThrottledWarning(worker, 'upstream tls failed');
    this.#session = null;
  }

  /** Throws when OpenSSL refuses the certificates, the key or the ciphers. */
  options(alpnProtocols: readonly string[]): tls.ConnectionOptions {
    const { upstreamContexts } = this.#worker;
    const options = toUpstreamTlsOptions(this.#config, this.#endpoint.address, upstreamContexts, alpnProtocols);
    // A session is resumed without a look at the certificate: it never leaves the identity it was made under.
    if (this.#session !== null) options.session = this.#session;
    return options;
  }

  attach(socket: tls.TLSSocket, alpnProtocols: readonly string[], sink: DialSink): tls.TLSSocket {
    let closeNotify: CloseNotify | null = null;
    socket.on('secureConnect', () => {
      const fault = findAlpnFault(socket, alpnProtocols);
      if (fault !== null) {
        socket.destroy(fault);
        return;
      }
      closeNotify = new CloseNotify(socket);
      sink.onConnected(socket);
    });
    socket.on('session', (session: Buffer) => {
      this.#session = session;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // An endpoint speaks up about our certificate only after the handshake (TLS 1.3).
      const isAboutTls = closeNotify === null ? !isAboutTcp(error) : error.code?.startsWith('ERR_SSL') === true;
      if (isAboutTls) this.onFailed(error);
      sink.onClosed(error);
    });
    socket.on('end', () => sink.onEnd(closeNotify?.announced ?? false));
    socket.on('close', () => sink.onClosed(null));
    return socket;
  }

  onFailed(error: NodeJS.ErrnoException): void {
    this.#session = null;
    this.#warning.warn({
      upstream: this.#endpoint.upstreamId,
      endpoint: this.#endpoint.id,
      serverName: toSni(this.#config, this.#endpoint.address),
      reason: describe(error),
    });
  }
}

/** There was no connection on which to begin. */
function isAboutTcp({ syscall }: NodeJS.ErrnoException): boolean {
  return syscall === 'connect' || syscall === 'getaddrinfo';
}

/** No key material is in OpenSSL's reasons. */
function describe(error: NodeJS.ErrnoException): string {
  const code = error.code ?? '';
  const { message } = error;
  return (code === '' || message.includes(code) ? message : `${code}: ${message}`).slice(0, MAX_REASON_LENGTH);
}
