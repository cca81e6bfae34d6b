/**
 * TLS on the listeners of one worker: takes accepted TCP connections, shows the certificate that the running generation
 * has for the name asked for, and hands on what has completed its handshake in time. Nothing here closes a connection that
 * is established: certificates and ticket keys change for the next handshake.
 */
import type net from 'node:net';
import tls from 'node:tls';
import type { ServedCertificate } from '../../live/certificate-table.ts';
import { ThrottledWarning } from '../throttled-warning.ts';
import type { WorkerContext } from '../worker-context.ts';
import { SecureContexts } from './secure-contexts.ts';
import { toListenerOptions } from './tls-policy.ts';

const ALPN_PROTOCOLS: readonly string[] = ['h2', 'http/1.1'];

export class TlsTermination {
  readonly #worker: WorkerContext;
  readonly #contexts: SecureContexts;
  /** Of listeners that are open. */
  readonly #servers: Set<tls.Server>;
  readonly #unusableWarning: ThrottledWarning;
  #default: ServedCertificate | null;
  #ticketKeys: Uint8Array | null;

  constructor(worker: WorkerContext, contexts: SecureContexts = new SecureContexts()) {
    this.#worker = worker;
    this.#contexts = contexts;
    this.#servers = new Set();
    this.#unusableWarning = new ThrottledWarning(worker, 'certificate unusable');
    this.#default = null;
    this.#ticketKeys = null;
  }

  /**
   * @param listener accepts the connections; TLS is kept up to date as long as it is open
   * @param onSecure gets every connection that has completed its handshake
   * @returns what begins TLS on a connection; nothing has been read from it yet
   */
  terminate(listener: net.Server, onSecure: (socket: tls.TLSSocket) => void): (socket: net.Socket) => void {
    const server = tls.createServer(
      {
        ...toListenerOptions(this.#default, this.#ticketKeys),
        handshakeTimeout: this.#worker.settings.tlsHandshakeTimeoutMs,
        ALPNProtocols: [...ALPN_PROTOCOLS],
        SNICallback: (serverName, done) => this.#chooseCertificate(serverName, done),
      },
      (socket) => {
        // Node lets TLS 1.2 clients renegotiate. Now an attempt closes the connection before it costs anything.
        socket.disableRenegotiation();
        socket.allowHalfOpen = true;
        onSecure(socket);
      },
    );
    server.on('tlsClientError', (_error, socket) => {
      this.#worker.tlsHandshakeErrors++;
      socket.destroy();
    });
    listener.once('listening', () => this.#servers.add(server));
    listener.once('close', () => this.#servers.delete(server));
    return (socket) => {
      // The TLS socket on top of it reports errors itself.
      socket.on('error', ignore);
      // Passed on to the TLS socket: who leaves before the handshake is complete, as TCP health checks do, is gone.
      socket.allowHalfOpen = false;
      server.emit('connection', socket);
    };
  }

  /** Takes over the certificates of the generation in force. */
  useCertificates(): void {
    const table = this.#worker.live.current.certificates;
    this.#contexts.retain(table);
    if (table.default === this.#default) return;
    this.#renewServers(table.default);
    this.#default = table.default;
  }

  useTicketKeys(keys: Uint8Array): void {
    this.#ticketKeys = keys;
    this.#renewServers(this.#default);
  }

  /**
   * Clients without SNI do not reach `SNICallback`, and neither do those that resume a session: the servers themselves
   * must know the default certificate and the ticket keys.
   */
  #renewServers(certificate: ServedCertificate | null): void {
    for (const server of this.#servers) server.setSecureContext(toListenerOptions(certificate, this.#ticketKeys));
  }

  #chooseCertificate(serverName: string, done: (error: Error | null, context?: tls.SecureContext) => void): void {
    const certificate = this.#worker.live.current.certificates.certificateFor(serverName);
    if (certificate === null) {
      done(new Error('no certificate for this name'));
      return;
    }
    let context: tls.SecureContext;
    try {
      context = this.#contexts.contextFor(certificate);
    } catch (error) {
      this.#unusableWarning.warn({ serverName, fingerprint: certificate.fingerprint, error });
      done(new Error('certificate unusable'));
      return;
    }
    done(null, context);
  }
}

function ignore(): void {}
