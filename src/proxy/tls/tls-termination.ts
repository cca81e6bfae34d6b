/**
 * TLS on the listeners of one worker: takes accepted TCP connections, shows the certificate that the running generation
 * has for the name asked for, asks for the client's where the listener's rules say so, and hands on what has completed its
 * handshake in time. Nothing here closes a connection that is established: certificates, rules and ticket keys change for
 * the next handshake.
 */
import type net from 'node:net';
import tls from 'node:tls';
import type { ServedCertificate } from '../../live/certificate-table.ts';
import type { ClientCertificateRules } from '../../live/client-certificates.ts';
import { ThrottledWarning } from '../throttled-warning.ts';
import type { WorkerContext } from '../worker-context.ts';
import { ClientIdentity, toServerName } from './client-identity.ts';
import { SecureContexts } from './secure-contexts.ts';
import { toListenerOptions } from './tls-policy.ts';

const ALPN_PROTOCOLS: readonly string[] = ['h2', 'http/1.1'];

/** `identity` is null where no client is asked for a certificate. */
export type OnSecure = (socket: tls.TLSSocket, identity: ClientIdentity | null) => void;

/** The private part of a TLS socket that says whether its client is asked for a certificate. */
interface WithVerifyMode {
  readonly _handle?: { readonly setVerifyMode?: (request: boolean, reject: boolean) => void };
}

/** One open listener. Its server is replaced with its rules: a handshake is judged by those it began under. */
interface TlsListener {
  readonly name: string;
  readonly onSecure: OnSecure;
  rules: ClientCertificateRules | null;
  server: tls.Server;
}

export class TlsTermination {
  readonly #worker: WorkerContext;
  readonly #contexts: SecureContexts;
  /** Those that are open. */
  readonly #listeners: Set<TlsListener>;
  readonly #unusableWarning: ThrottledWarning;
  #default: ServedCertificate | null;
  #ticketKeys: Uint8Array | null;

  constructor(worker: WorkerContext, contexts: SecureContexts = new SecureContexts()) {
    this.#worker = worker;
    this.#contexts = contexts;
    this.#listeners = new Set();
    this.#unusableWarning = new ThrottledWarning(worker, 'certificate unusable');
    this.#default = null;
    this.#ticketKeys = null;
  }

  /**
   * @param listener accepts the connections; TLS is kept up to date as long as it is open
   * @param onSecure gets every connection that has completed its handshake
   * @returns what begins TLS on a connection; what was read from it is back in its queue
   */
  terminate(listener: net.Server, name: string, onSecure: OnSecure): (socket: net.Socket) => void {
    const rules = this.#rulesOf(name);
    const own: TlsListener = { name, onSecure, rules, server: this.#serverFor(rules, onSecure) };
    listener.once('listening', () => this.#listeners.add(own));
    listener.once('close', () => this.#listeners.delete(own));
    return (socket) => {
      // The TLS socket on top of it reports errors itself.
      socket.on('error', ignore);
      // Passed on to the TLS socket: who leaves before the handshake is complete, as TCP health checks do, is gone.
      socket.allowHalfOpen = false;
      own.server.emit('connection', socket);
    };
  }

  /** Takes over certificates and rules of the generation in force. */
  useCertificates(): void {
    const { certificates } = this.#worker.live.current;
    this.#contexts.retain(certificates);
    const changed = certificates.default !== this.#default;
    this.#default = certificates.default;
    for (const listener of this.#listeners) {
      const rules = this.#rulesOf(listener.name);
      if (rules?.key !== listener.rules?.key) {
        listener.rules = rules;
        listener.server = this.#serverFor(rules, listener.onSecure);
      } else if (changed) this.#renew(listener);
    }
  }

  useTicketKeys(keys: Uint8Array): void {
    this.#ticketKeys = keys;
    for (const listener of this.#listeners) this.#renew(listener);
  }

  #rulesOf(listener: string): ClientCertificateRules | null {
    return this.#worker.live.current.clientCertificates?.get(listener) ?? null;
  }

  /**
   * Clients without SNI do not reach `SNICallback`, and neither do those that resume a session: the servers themselves
   * must know the default certificate and the ticket keys.
   */
  #renew({ server, rules }: TlsListener): void {
    server.setSecureContext(toListenerOptions(this.#default, this.#ticketKeys, rules));
  }

  #serverFor(rules: ClientCertificateRules | null, onSecure: OnSecure): tls.Server {
    const choose = (socket: tls.TLSSocket, serverName: string, done: SniAnswer): void =>
      this.#choose(rules, socket, serverName, done);
    const server = tls.createServer(
      {
        ...toListenerOptions(this.#default, this.#ticketKeys, rules),
        handshakeTimeout: this.#worker.settings.tlsHandshakeTimeoutMs,
        ALPNProtocols: [...ALPN_PROTOCOLS],
        // Who has none, or a bad one, is let in: the answer to a request says what is wrong, and hosts without a rule do not care.
        requestCert: rules !== null,
        rejectUnauthorized: false,
        SNICallback(this: tls.TLSSocket, serverName: string, done: SniAnswer): void {
          choose(this, serverName, done);
        },
      },
      (socket) => {
        // Node lets TLS 1.2 clients renegotiate. Now an attempt closes the connection before it costs anything.
        socket.disableRenegotiation();
        socket.allowHalfOpen = true;
        onSecure(socket, rules === null ? null : new ClientIdentity(socket, rules));
      },
    );
    server.on('tlsClientError', (_error, socket) => {
      this.#worker.tlsHandshakeErrors++;
      socket.destroy();
    });
    return server;
  }

  /** Must not throw whatever name a client sends: an exception in here would end the worker (CVE-2026-21637). */
  #choose(rules: ClientCertificateRules | null, socket: tls.TLSSocket, serverName: string, done: SniAnswer): void {
    let fingerprint = '';
    let context: tls.SecureContext | null;
    try {
      const certificate = this.#worker.live.current.certificates.certificateFor(serverName);
      const rule = rules === null ? null : rules.ruleFor(toServerName(serverName));
      if (rules !== null && rule === null) stopAsking(socket);
      fingerprint = certificate?.fingerprint ?? '';
      const clientCa = rules?.soleCa ?? rule?.ca ?? null;
      context = certificate === null ? null : this.#contexts.contextFor(certificate, clientCa);
    } catch (error) {
      this.#unusableWarning.warn({ serverName, fingerprint, error });
      done(new Error('certificate unusable'));
      return;
    }
    if (context === null) done(new Error('no certificate for this name'));
    else done(null, context);
  }
}

type SniAnswer = (error: Error | null, context?: tls.SecureContext) => void;

/** A runtime that does not have it asks all clients of the listener, and what they send is not looked at. */
function stopAsking(socket: tls.TLSSocket): void {
  const { _handle: handle } = socket as unknown as WithVerifyMode;
  handle?.setVerifyMode?.(false, false);
}

function ignore(): void {}
