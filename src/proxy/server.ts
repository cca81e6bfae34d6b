/**
 * The listening sockets of one worker. Every worker binds the same port with SO_REUSEPORT and the kernel spreads the
 * connections; TLS is terminated here, with the certificate that the running generation has for the name asked for.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { CertificateConfig, ListenerConfig } from '../model/proxy-config.ts';
import type { BoundPort } from '../model/worker-messages.ts';
import { readInto } from './accepted-socket.ts';
import type { ListenerFacts } from './forwarded-fields.ts';
import { ServerConnection } from './http1/server-connection.ts';
import type { WorkerContext } from './worker-context.ts';

const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;
const BACKLOG = 4_096;

export interface OpenListener {
  readonly config: ListenerConfig;
  readonly server: net.Server;
  readonly port: number;
}

/** By name. */
export type OpenListeners = ReadonlyMap<string, OpenListener>;

export class ProxyServer {
  readonly #worker: WorkerContext;
  #listeners: OpenListeners;
  readonly #connections: Set<ServerConnection>;
  #onIdle: (() => void) | null;
  #defaultCertificate: CertificateConfig | null;

  constructor(worker: WorkerContext) {
    this.#worker = worker;
    this.#listeners = new Map();
    this.#connections = new Set();
    this.#onIdle = null;
    this.#defaultCertificate = null;
  }

  get ports(): readonly BoundPort[] {
    return Array.from(this.#listeners.values(), ({ config, port }) => ({ listener: config.name, port }));
  }

  /**
   * Opens what `listeners` has and this server has not. Nothing that runs is touched before `use`; when one cannot be
   * opened, those opened before it are closed again.
   * @param known the ports other workers have already bound, where the configuration says 0
   */
  async open(listeners: readonly ListenerConfig[], known: readonly BoundPort[]): Promise<OpenListeners> {
    const next = new Map<string, OpenListener>();
    try {
      for (const config of listeners) {
        const running = this.#listeners.get(config.name);
        if (running !== undefined && isSame(config, running.config)) next.set(config.name, running);
        else next.set(config.name, await this.#open(config, portOf(config, known)));
      }
    } catch (error) {
      this.discard(next);
      throw error;
    }
    return next;
  }

  /** Takes over what `open` returned and closes listeners that are gone; their connections live on. */
  use(next: OpenListeners): void {
    for (const [name, { server }] of this.#listeners) if (next.get(name)?.server !== server) server.close();
    this.#listeners = next;
  }

  /** Closes what `open` opened and nobody will use. */
  discard(next: OpenListeners): void {
    for (const [name, { server }] of next) if (this.#listeners.get(name)?.server !== server) server.close();
  }

  /** Clients without SNI do not reach `SNICallback`: the listeners themselves must know the default certificate. */
  useDefaultCertificate(): void {
    const certificate = this.#worker.live.current.certificates.default;
    const before = this.#defaultCertificate;
    // A renewed intermediate certificate leaves the fingerprint of the leaf as it was.
    if (certificate === null) return;
    if (certificate.certPem === before?.certPem && certificate.keyPem === before.keyPem) return;
    this.#defaultCertificate = certificate;
    for (const { server } of this.#listeners.values()) {
      if (server instanceof tls.Server) server.setSecureContext(toContextOptions(certificate));
    }
  }

  /** Stops accepting, lets requests finish, and cuts what is left at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.#worker.draining = true;
    for (const { server } of this.#listeners.values()) server.close();
    this.#listeners = new Map();
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        this.#onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    for (const connection of this.#connections) connection.destroy();
  }

  async #open(config: ListenerConfig, port: number): Promise<OpenListener> {
    const facts = { name: config.name, encrypted: config.protocol === 'https', port: config.advertisedPort || port };
    const server = config.protocol === 'https' ? this.#tlsServer(facts) : this.#clearServer(facts);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      const reusePort = this.#worker.settings.reusePort;
      server.listen({ host: config.address, port, reusePort, backlog: BACKLOG }, () => resolve());
    });
    server.on('error', (error) => this.#worker.logger.error('listener failed', { listener: config.name, error }));
    const address = server.address() as net.AddressInfo;
    if (config.advertisedPort === 0) facts.port = address.port;
    return { config, server, port: address.port };
  }

  #clearServer(facts: ListenerFacts): net.Server {
    const { acceptBuffer } = this.#worker;
    return net.createServer({ noDelay: true, keepAlive: true, allowHalfOpen: true }, (accepted) => {
      const socket = readInto(accepted, acceptBuffer, (buffer, length) => connection.onRead(buffer, length));
      const connection = this.#accept(socket ?? accepted, facts, socket === null);
    });
  }

  #tlsServer(facts: ListenerFacts): net.Server {
    const certificate = this.#worker.live.current.certificates.default;
    const server = tls.createServer(
      {
        ...(certificate === null ? {} : toContextOptions(certificate)),
        noDelay: true,
        keepAlive: true,
        allowHalfOpen: true,
        handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
        ALPNProtocols: ['http/1.1'],
        SNICallback: (serverName, done) => this.#chooseCertificate(serverName, done),
      },
      (socket) => this.#accept(socket, facts, true),
    );
    server.on('connection', (socket) => {
      socket.on('error', ignore);
    });
    server.on('tlsClientError', (_error, socket) => {
      this.#worker.tlsHandshakeErrors++;
      socket.destroy();
    });
    return server;
  }

  #chooseCertificate(serverName: string, done: (error: Error | null, context?: tls.SecureContext) => void): void {
    try {
      const context = this.#worker.live.current.certificates.contextFor(serverName);
      if (context === null) done(new Error('no certificate for this name'));
      else done(null, context);
    } catch (error) {
      this.#worker.logger.error('certificate unusable', { serverName, error });
      done(new Error('certificate unusable'));
    }
  }

  #accept(socket: net.Socket, facts: ListenerFacts, emitsData: boolean): ServerConnection {
    const accepted = new ServerConnection(this.#worker, socket, facts, (connection) => {
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#onIdle?.();
    });
    if (emitsData) socket.on('data', (chunk: Buffer) => accepted.onData(chunk));
    this.#connections.add(accepted);
    return accepted;
  }
}

function toContextOptions({ certPem, keyPem }: CertificateConfig): tls.SecureContextOptions {
  return { cert: certPem, key: keyPem, minVersion: 'TLSv1.2' };
}

function portOf({ name, port }: ListenerConfig, known: readonly BoundPort[]): number {
  return port !== 0 ? port : (known.find(({ listener }) => listener === name)?.port ?? 0);
}

function isSame(a: ListenerConfig, b: ListenerConfig): boolean {
  const samePort = a.port === b.port && a.address === b.address;
  return samePort && a.protocol === b.protocol && a.advertisedPort === b.advertisedPort;
}

/** Errors of a socket that is not a connection yet; the TLS server reports them itself. */
function ignore(): void {}
