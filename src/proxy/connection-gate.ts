/**
 * How many client connections one worker holds at most, on all listeners together, those still in their TLS handshake
 * included. What is above that is closed at once, before it costs memory. The sockets to endpoints count towards the limit
 * of open files, which must never be reached: there the kernel refuses `accept`, and libuv, of which each thread has one,
 * then loses the spare file it needs to get rid of the connection, and spins until a file is closed.
 * Files that are lent to health probes count like sockets of its own; they are asked for before they are missed.
 */
import type { Socket } from 'node:net';
import { LENT, WANTED } from '../model/worker-messages.ts';
import { toClientNetwork } from './client-network.ts';
import type { Sweepable } from './coarse-clock.ts';
import type { ProxyAddresses } from './proxy-protocol/addresses.ts';
import { ThrottledWarning } from './throttled-warning.ts';
import type { WorkerContext } from './worker-context.ts';

/** Whoever uses one in so many of the files it may have at most wants those back that it lent. */
const WANT_SHARE = 2;

export class ConnectionGate implements Sweepable {
  readonly #worker: WorkerContext;
  readonly #fullWarning: ThrottledWarning;
  readonly #clientWarning: ThrottledWarning;
  readonly #acceptWarning: ThrottledWarning;
  /** Connections held by each client, where these are limited; a client without any has no entry. */
  readonly #heldByClient: Map<string, number>;
  readonly #release: () => void;
  #held: number;
  #onEmpty: (() => void) | null;

  constructor(worker: WorkerContext) {
    this.#worker = worker;
    this.#fullWarning = new ThrottledWarning(worker, 'too many connections, closing new ones');
    this.#clientWarning = new ThrottledWarning(worker, 'too many connections of one client, closing new ones');
    this.#heldByClient = new Map();
    this.#acceptWarning = new ThrottledWarning(worker, 'connection could not be accepted');
    this.#held = 0;
    this.#onEmpty = null;
    this.#release = () => {
      this.#held--;
      if (this.#held === 0) this.#onEmpty?.();
    };
    worker.clock.watch(this);
  }

  /** Now. */
  get held(): number {
    return this.#held;
  }

  /** False: there is no room, and `socket` is gone. Whoever gets true calls `hold` with the socket that stays. */
  hasRoom(socket: Socket): boolean {
    const { maxConnections, maxSockets, loan } = this.#worker.settings;
    const lent = Atomics.load(loan, LENT);
    const sockets = this.#held + this.#worker.upstreamConnections;
    // Each connection may need a second file, for the endpoint.
    const isFull = this.#held >= maxConnections || (lent > 0 && 2 * this.#held + lent >= maxSockets);
    if (isFull || sockets + lent >= maxSockets) {
      this.#worker.refusedConnections++;
      this.#fullWarning.warn({ connections: this.#held, maxConnections, sockets, maxSockets, lent });
      return refuse(socket);
    }
    return true;
  }

  onTick(): void {
    const { maxSockets, loan } = this.#worker.settings;
    const files = Math.max(2 * this.#held, this.#held + this.#worker.upstreamConnections);
    if (files > maxSockets / WANT_SHARE) Atomics.add(loan, WANTED, 1);
  }

  /**
   * False: the client has as many as one may have, and `socket` is gone. Whoever gets true calls `holdForClient`.
   * @param header whom a PROXY protocol header names; null = nobody, so the client is who is connected
   */
  hasRoomForClient(socket: Socket, header: ProxyAddresses | null): boolean {
    const { maxConnectionsPerIp } = this.#worker.settings;
    if (maxConnectionsPerIp === 0) return true;
    const client = clientOf(socket, header);
    if ((this.#heldByClient.get(client) ?? 0) < maxConnectionsPerIp) return true;
    this.#worker.refusedPerClient++;
    this.#clientWarning.warn({ client, maxConnectionsPerIp });
    return refuse(socket);
  }

  /** Counts a connection until its socket is closed. */
  hold(socket: Socket): void {
    this.#held++;
    socket.on('close', this.#release);
  }

  /** The same as one of its client's, in addition. */
  holdForClient(socket: Socket, header: ProxyAddresses | null): void {
    if (this.#worker.settings.maxConnectionsPerIp === 0) return;
    const client = clientOf(socket, header);
    if (client === '') return;
    this.#heldByClient.set(client, (this.#heldByClient.get(client) ?? 0) + 1);
    socket.on('close', () => {
      const left = (this.#heldByClient.get(client) ?? 0) - 1;
      if (left > 0) this.#heldByClient.set(client, left);
      else this.#heldByClient.delete(client);
    });
  }

  /** Resolves when no connection is held. */
  async emptied(): Promise<void> {
    if (this.#held === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** What a listening socket reports: it goes on listening, whatever the reason. */
  onAcceptError(listener: string, error: Error): void {
    this.#worker.acceptErrors++;
    this.#acceptWarning.warn({ listener, error });
  }
}

/** Empty: the connection is gone already. */
function clientOf(socket: Socket, header: ProxyAddresses | null): string {
  return toClientNetwork(header === null ? (socket.remoteAddress ?? '') : header.sourceAddress);
}

function refuse(socket: Socket): false {
  // A reset: an orderly close would leave each of them in TIME_WAIT on our side.
  socket.on('error', ignore);
  socket.resetAndDestroy();
  return false;
}

/** Who is refused may be gone already. */
function ignore(): void {}
