/**
 * The listening sockets of one worker. Every worker binds the same port with SO_REUSEPORT and the kernel spreads the
 * connections. TLS is terminated in `tls/`, and `connection-gate.ts` knows how many there may be.
 */
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ListenerConfig } from '../model/proxy-config.ts';
import { Roster } from '../model/roster.ts';
import type { BoundPort } from '../model/worker-messages.ts';
import { readInto, setConnectionOptions } from './accepted-socket.ts';
import { ConnectionGate } from './connection-gate.ts';
import type { ListenerFacts } from './forwarded-fields.ts';
import { ServerConnection } from './http1/server-connection.ts';
import { PrefaceReader } from './http2/preface.ts';
import { Http2ServerSession } from './http2/server-session.ts';
import { ListenerState, withIdentity } from './listener-state.ts';
import type { OpenConnection, OpenConnections } from './open-connection.ts';
import type { ProxyAddresses } from './proxy-protocol/addresses.ts';
import { AwaitedHeader, HeaderFacts, type OnHeader } from './proxy-protocol/awaited-header.ts';
import { retireListeners } from './retire-listeners.ts';
import { ThrottledWarning } from './throttled-warning.ts';
import { TlsTermination } from './tls/tls-termination.ts';
import type { WorkerContext } from './worker-context.ts';

const BACKLOG = 4_096;
/** How long clients that are busy may learn from an answer that their connection closes, before idle ones are closed. */
const SETTLE_MS = 100;
const SOCKET_OPTIONS: net.ServerOpts = { allowHalfOpen: true };

export interface OpenListener {
  readonly config: ListenerConfig;
  readonly server: net.Server;
  readonly port: number;
  readonly state: ListenerState;
}

/** By name. */
export type OpenListeners = ReadonlyMap<string, OpenListener>;

export class ProxyServer {
  readonly #worker: WorkerContext;
  #listeners: OpenListeners;
  readonly #connections: OpenConnections;
  /** Nobody's connections yet. */
  readonly #awaited: Roster<AwaitedHeader>;
  readonly #gate: ConnectionGate;
  readonly #tls: TlsTermination;
  readonly #headerWarning: ThrottledWarning;

  constructor(worker: WorkerContext) {
    this.#worker = worker;
    this.#listeners = new Map();
    this.#connections = new Roster();
    this.#awaited = new Roster();
    this.#gate = new ConnectionGate(worker);
    this.#tls = new TlsTermination(worker);
    this.#headerWarning = new ThrottledWarning(worker, 'connection without a valid PROXY protocol header closed');
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
        if (running !== undefined && isSame(config, running.config)) next.set(config.name, { ...running, config });
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
    const gone = Array.from(this.#listeners.values(), ({ server }) => server);
    const kept = new Set(Array.from(next.values(), ({ server }) => server));
    this.#listeners = next;
    void retireListeners(gone.filter((server) => !kept.has(server)));
    for (const { state, config } of next.values()) if (state.update(config)) this.#reconsider(state.facts);
  }

  /** Closes what `open` opened and nobody will use. */
  discard(next: OpenListeners): void {
    for (const [name, { server }] of next) if (this.#listeners.get(name)?.server !== server) server.close();
  }

  /** Takes over the certificates of the generation in force, also for listeners opened later. */
  useCertificates(): void {
    this.#tls.useCertificates();
  }

  /** @param keys 48 bytes, the same in every worker */
  useTicketKeys(keys: Uint8Array): void {
    this.#tls.useTicketKeys(keys);
  }

  /** Stops accepting, lets requests finish, and cuts what is left at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const timer = setTimeout(end, deadlineMs);
    void this.#drain().then(end);
    await ended;
    clearTimeout(timer);
    this.#connections.forEach((connection) => connection.destroy());
  }

  async #drain(): Promise<void> {
    this.#worker.leaving = true;
    this.#worker.draining = true;
    const servers = Array.from(this.#listeners.values(), ({ server }) => server);
    this.#listeners = new Map();
    await retireListeners(servers);
    if (this.#gate.held > 0) await delay(SETTLE_MS);
    this.#awaited.forEach((awaited) => awaited.destroy());
    this.#connections.forEach((connection) => connection.drain());
    await this.#gate.emptied();
  }

  async #open(config: ListenerConfig, port: number): Promise<OpenListener> {
    const state = new ListenerState(config);
    const server = state.facts.encrypted ? this.#tlsServer(state) : this.#clearServer(state);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      const reusePort = this.#worker.settings.reusePort;
      server.listen({ host: config.address, port, reusePort, backlog: BACKLOG }, () => resolve());
    });
    server.on('error', (error) => this.#gate.onAcceptError(config.name, error));
    setConnectionOptions(server);
    const address = server.address() as net.AddressInfo;
    state.bound(address.port);
    return { config, server, port: address.port, state };
  }

  #clearServer(state: ListenerState): net.Server {
    return net.createServer(SOCKET_OPTIONS, (accepted) => {
      if (!this.#gate.hasRoom(accepted)) return;
      this.#gate.hold(accepted);
      if (!state.expectsHeader(accepted)) this.#beginClear(accepted, state.facts, null);
      else this.#awaitHeader(accepted, state, (facts, rest) => this.#beginClear(accepted, facts, rest));
    });
  }

  /** @param rest what was read behind a PROXY protocol header; null = nothing was read */
  #beginClear(socket: net.Socket, facts: ListenerFacts, rest: Buffer | null): void {
    if (!this.#gate.hasRoomForClient(socket, facts.header)) return;
    this.#gate.holdForClient(socket, facts.header);
    readInto(socket, this.#worker.acceptBuffer, (buffer, length) => {
      if (preface.decided) connection.onRead(buffer, length);
      else preface.read(buffer, length);
    });
    const http1 = this.#acceptHttp1(socket, facts);
    // Taken for HTTP/1.1 until its first bytes come.
    let connection: OpenConnection = http1;
    const preface = new PrefaceReader({
      onHttp1: (bytes) => http1.onRead(bytes, bytes.length),
      onHttp2: (bytes) => {
        connection = this.#acceptHttp2(socket, facts);
        http1.release();
        connection.onRead(bytes, bytes.length);
      },
    });
    if (rest !== null && rest.length > 0) preface.read(rest, rest.length);
  }

  #awaitHeader(accepted: net.Socket, state: ListenerState, onHeader: OnHeader): void {
    new AwaitedHeader(this.#worker, accepted, state, onHeader, this.#headerWarning).enter(this.#awaited);
  }

  /** TCP is accepted first and TLS begins on top of it, so that a connection too many costs no handshake. */
  #tlsServer(state: ListenerState): net.Server {
    const headers = new HeaderFacts();
    const server = net.createServer(SOCKET_OPTIONS, (accepted) => {
      if (!this.#gate.hasRoom(accepted)) return;
      this.#gate.hold(accepted);
      if (!state.expectsHeader(accepted)) beginTls(accepted, null);
      else {
        this.#awaitHeader(accepted, state, (facts, rest) => {
          if (facts !== state.facts) headers.keep(accepted, facts);
          if (rest.length > 0) accepted.unshift(rest);
          beginTls(accepted, facts.header);
        });
      }
    });
    const beginTls = (accepted: net.Socket, header: ProxyAddresses | null): void => {
      if (!this.#gate.hasRoomForClient(accepted, header)) return;
      this.#gate.holdForClient(accepted, header);
      terminate(accepted);
    };
    const terminate = this.#tls.terminate(server, state.facts.name, (socket, identity) => {
      const facts = withIdentity(headers.of(socket) ?? state.facts, identity);
      const isHttp2 = socket.alpnProtocol === 'h2';
      const connection = isHttp2 ? this.#acceptHttp2(socket, facts) : this.#acceptHttp1(socket, facts);
      readInto(socket, this.#worker.acceptBuffer, (buffer, length) => connection.onRead(buffer, length));
    });
    return server;
  }

  #acceptHttp1(socket: net.Socket, facts: ListenerFacts): ServerConnection {
    const accepted = new ServerConnection(this.#worker, socket, facts, this.#connections);
    if (this.#worker.draining) accepted.drain();
    return accepted;
  }

  #acceptHttp2(socket: net.Socket, facts: ListenerFacts): Http2ServerSession {
    return new Http2ServerSession(this.#worker, socket, facts, this.#connections);
  }

  #reconsider({ name, trusted }: ListenerFacts): void {
    this.#connections.forEach(({ origin }) => {
      if (origin.listener === name) origin.meetConfig(trusted);
    });
  }
}

function portOf({ name, port }: ListenerConfig, known: readonly BoundPort[]): number {
  return port !== 0 ? port : (known.find(({ listener }) => listener === name)?.port ?? 0);
}

function isSame(a: ListenerConfig, b: ListenerConfig): boolean {
  const samePort = a.port === b.port && a.address === b.address;
  return samePort && a.protocol === b.protocol && a.advertisedPort === b.advertisedPort;
}
