/**
 * The listening sockets of one worker. Every worker binds the same port with SO_REUSEPORT and the kernel spreads the
 * connections; TLS is terminated here, with the certificate that the running generation has for the name asked for.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { CertificateConfig, ListenerConfig } from '../model/proxy-config.ts';
import type { BoundPort } from '../model/worker-messages.ts';
import { readInto, toPlainSocket } from './accepted-socket.ts';
import type { ListenerFacts } from './forwarded-fields.ts';
import { ServerConnection } from './http1/server-connection.ts';
import { PrefaceReader } from './http2/preface.ts';
import { Http2ServerSession } from './http2/server-session.ts';
import type { WorkerContext } from './worker-context.ts';

const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;
const BACKLOG = 4_096;

interface OpenListener {
  readonly config: ListenerConfig;
  readonly server: net.Server;
  readonly port: number;
}

/** A client's connection, whatever it speaks. */
interface OpenConnection {
  /** Close when idle; what is under way is finished. */
  drain(): void;
  destroy(): void;
}

export class ProxyServer {
  readonly #worker: WorkerContext;
  readonly #listeners: Map<string, OpenListener>;
  readonly #connections: Set<OpenConnection>;
  readonly #onClosed: (connection: OpenConnection) => void;
  #onIdle: (() => void) | null;
  #defaultFingerprint: string;

  constructor(worker: WorkerContext) {
    this.#worker = worker;
    this.#listeners = new Map();
    this.#connections = new Set();
    this.#onClosed = (connection) => {
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#onIdle?.();
    };
    this.#onIdle = null;
    this.#defaultFingerprint = '';
  }

  get ports(): readonly BoundPort[] {
    return Array.from(this.#listeners.values(), ({ config, port }) => ({ listener: config.name, port }));
  }

  /**
   * Opens what is missing and closes what is gone; a listener that stays is not touched, and connections of a closed one
   * live on.
   * @param known the ports other workers have already bound, where the configuration says 0
   */
  async listen(listeners: readonly ListenerConfig[], known: readonly BoundPort[]): Promise<void> {
    for (const [name, open] of this.#listeners) {
      if (listeners.some((wanted) => wanted.name === name && isSame(wanted, open.config))) continue;
      open.server.close();
      this.#listeners.delete(name);
    }
    for (const config of listeners) {
      if (this.#listeners.has(config.name)) continue;
      const port =
        config.port !== 0 ? config.port : (known.find(({ listener }) => listener === config.name)?.port ?? 0);
      this.#listeners.set(config.name, await this.#open(config, port));
    }
  }

  /** Clients without SNI do not reach `SNICallback`: the listeners themselves must know the default certificate. */
  useDefaultCertificate(): void {
    const certificate = this.#worker.live.current.certificates.default;
    if (certificate === null || certificate.fingerprint === this.#defaultFingerprint) return;
    this.#defaultFingerprint = certificate.fingerprint;
    for (const { server } of this.#listeners.values()) {
      if (server instanceof tls.Server) server.setSecureContext(toContextOptions(certificate));
    }
  }

  /** Stops accepting, lets requests finish, and cuts what is left at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.#worker.draining = true;
    for (const { server } of this.#listeners.values()) server.close();
    this.#listeners.clear();
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
      const socket = readInto(accepted, acceptBuffer, (buffer, length) => {
        if (preface.decided) connection.onRead(buffer, length);
        else preface.read(buffer, length);
      });
      const connection = this.#acceptHttp1(socket ?? accepted, facts, socket === null);
      const preface = new PrefaceReader({
        onHttp1: (bytes) => connection.onRead(bytes, bytes.length),
        onHttp2: (bytes) => this.#changeToHttp2(connection, socket as net.Socket, bytes, facts),
      });
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
        ALPNProtocols: ['h2', 'http/1.1'],
        SNICallback: (serverName, done) => this.#chooseCertificate(serverName, done),
      },
      (socket) => {
        if (socket.alpnProtocol === 'h2') this.#acceptHttp2(socket, facts);
        else this.#acceptHttp1(socket, facts, true);
      },
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

  #acceptHttp1(socket: net.Socket, facts: ListenerFacts, emitsData: boolean): ServerConnection {
    const accepted = new ServerConnection(this.#worker, socket, facts, this.#onClosed);
    if (emitsData) socket.on('data', (chunk: Buffer) => accepted.onData(chunk));
    this.#connections.add(accepted);
    return accepted;
  }

  #acceptHttp2(socket: net.Socket, facts: ListenerFacts): void {
    this.#connections.add(new Http2ServerSession(this.#worker, socket, facts, this.#onClosed));
  }

  /** The connection was taken for HTTP/1.1 until its first bytes came; it has read none of them. */
  #changeToHttp2(connection: ServerConnection, socket: net.Socket, bytes: Buffer, facts: ListenerFacts): void {
    const plain = toPlainSocket(socket, bytes);
    this.#acceptHttp2(plain, facts);
    connection.destroy();
    this.#worker.acceptedConnections--;
  }
}

function toContextOptions({ certPem, keyPem }: CertificateConfig): tls.SecureContextOptions {
  return { cert: certPem, key: keyPem, minVersion: 'TLSv1.2' };
}

function isSame(a: ListenerConfig, b: ListenerConfig): boolean {
  const samePort = a.port === b.port && a.address === b.address;
  return samePort && a.protocol === b.protocol && a.advertisedPort === b.advertisedPort;
}

/** Errors of a socket that is not a connection yet; the TLS server reports them itself. */
function ignore(): void {}
