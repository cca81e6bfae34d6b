/**
 * TLS towards one endpoint: what is offered and demanded in the handshake, the session that makes the next one cheap, and
 * the log line when it fails.
 */
import { isIP } from 'node:net';
import tls from 'node:tls';
import type { Endpoint } from '../../balancer/endpoint.ts';
import type { UpstreamTlsConfig } from '../../model/proxy-config.ts';
import { ThrottledWarning } from '../throttled-warning.ts';
import type { DialSink } from '../upstream-dialer.ts';
import type { WorkerContext } from '../worker-context.ts';
import { CloseNotify } from './close-notify.ts';

/** A reason may quote names from a certificate, which its owner can make as long as he likes. */
const MAX_REASON_LENGTH = 300;

export class UpstreamTls {
  readonly #worker: WorkerContext;
  readonly #endpoint: Endpoint;
  readonly #config: UpstreamTlsConfig;
  /** What the certificate must be made out to. */
  readonly #expectedName: string;
  /** Empty: none is sent. */
  readonly #sni: string;
  readonly #warning: ThrottledWarning;
  /** Of the last handshake with this endpoint, under this very configuration. */
  #session: Buffer | null;

  constructor(worker: WorkerContext, endpoint: Endpoint, config: UpstreamTlsConfig) {
    this.#worker = worker;
    this.#endpoint = endpoint;
    this.#config = config;
    this.#expectedName = config.serverName === '' ? endpoint.address : config.serverName;
    this.#sni = config.sendServerName && isIP(this.#expectedName) === 0 ? this.#expectedName : '';
    this.#warning = new ThrottledWarning(worker, 'upstream tls failed');
    this.#session = null;
  }

  /** Throws when OpenSSL refuses the certificates, the key or the ciphers. */
  options(alpnProtocols: readonly string[]): tls.ConnectionOptions {
    const options: tls.ConnectionOptions = {
      secureContext: this.#worker.upstreamContexts.contextFor(this.#config),
      servername: this.#sni,
      rejectUnauthorized: this.#config.verify,
      checkServerIdentity: (_name, certificate) => this.#check(certificate),
      ALPNProtocols: [...alpnProtocols],
    };
    // A session is resumed without a look at the certificate: it never leaves the identity it was made under.
    if (this.#session !== null) options.session = this.#session;
    return options;
  }

  attach(socket: tls.TLSSocket, alpnProtocols: readonly string[], sink: DialSink): tls.TLSSocket {
    const closeNotify = new CloseNotify(socket);
    let secure = false;
    socket.on('secureConnect', () => {
      if (alpnProtocols.length === 1 && alpnProtocols[0] === 'h2' && socket.alpnProtocol !== 'h2') {
        socket.destroy(new Error('the endpoint does not choose h2 by ALPN'));
        return;
      }
      secure = true;
      sink.onConnected(socket);
    });
    socket.on('session', (session: Buffer) => {
      this.#session = session;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // An endpoint speaks up about our certificate only after the handshake (TLS 1.3).
      if (!secure || error.code?.startsWith('ERR_SSL') === true) this.onFailed(error);
      sink.onClosed(error);
    });
    socket.on('end', () => sink.onEnd(closeNotify.announced));
    socket.on('close', () => sink.onClosed(null));
    return socket;
  }

  onFailed(error: NodeJS.ErrnoException): void {
    this.#session = null;
    this.#warning.warn({
      upstream: this.#endpoint.upstreamId,
      endpoint: this.#endpoint.id,
      serverName: this.#sni,
      reason: describe(error),
    });
  }

  #check(certificate: tls.PeerCertificate): Error | undefined {
    const intermediates = countIntermediates(certificate);
    if (intermediates > this.#config.verifyDepth) {
      return new Error(`chain with ${intermediates} intermediate certificates; at most ${this.#config.verifyDepth}`);
    }
    return tls.checkServerIdentity(this.#expectedName, certificate);
  }
}

/** Between the endpoint's own certificate and the one it is trusted by, which Node appends. */
function countIntermediates(leaf: tls.PeerCertificate): number {
  let count = 0;
  let certificate = leaf as tls.DetailedPeerCertificate;
  for (;;) {
    const issuer: tls.DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    if (issuer === undefined || issuer === certificate || issuer.fingerprint256 === certificate.fingerprint256) break;
    count++;
    certificate = issuer;
  }
  return Math.max(0, count - 1);
}

/** No key material is in OpenSSL's reasons. */
function describe(error: NodeJS.ErrnoException): string {
  const code = error.code ?? '';
  const { message } = error;
  return (code === '' || message.includes(code) ? message : `${code}: ${message}`).slice(0, MAX_REASON_LENGTH);
}
