/**
 * How many client connections one worker holds at most, on all listeners together, those still in their TLS handshake
 * included. What is above that is closed at once, before it costs memory. The sockets to endpoints count towards the limit
 * of open files, which must never be reached: there the kernel refuses `accept`, and libuv, of which each thread has one,
 * then loses the spare file it needs to get rid of the connection, and spins until a file is closed.
 */
import type { Socket } from 'node:net';
import { toClientNetwork } from './client-network.ts';
import { ThrottledWarning } from './throttled-warning.ts';
import type { WorkerContext } from './worker-context.ts';

export class ConnectionGate {
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
  }

  /** Now. */
  get held(): number {
    return this.#held;
  }

  /** False: there is no room, and `socket` is gone. Whoever gets true calls `hold` with the socket that stays. */
  admits(socket: Socket): boolean {
    const { maxConnections, maxSockets } = this.#worker.settings;
    const sockets = this.#held + this.#worker.upstreamConnections;
    if (this.#held >= maxConnections || sockets >= maxSockets) {
      this.#worker.refusedConnections++;
      this.#fullWarning.warn({ connections: this.#held, maxConnections, sockets, maxSockets });
    } else if (this.#hasTooMany(socket)) this.#worker.refusedPerClient++;
    else return true;
    // A reset: an orderly close would leave each of them in TIME_WAIT on our side.
    socket.on('error', ignore);
    socket.resetAndDestroy();
    return false;
  }

  /** Counts a connection until its socket is closed. */
  hold(socket: Socket): void {
    this.#held++;
    socket.on('close', this.#release);
    if (this.#worker.settings.maxConnectionsPerIp > 0) this.#holdForClient(socket);
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

  #hasTooMany({ remoteAddress }: Socket): boolean {
    const { maxConnectionsPerIp } = this.#worker.settings;
    if (maxConnectionsPerIp === 0 || remoteAddress === undefined) return false;
    const client = toClientNetwork(remoteAddress);
    if ((this.#heldByClient.get(client) ?? 0) < maxConnectionsPerIp) return false;
    this.#clientWarning.warn({ client, maxConnectionsPerIp });
    return true;
  }

  #holdForClient(socket: Socket): void {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return;
    const client = toClientNetwork(remoteAddress);
    this.#heldByClient.set(client, (this.#heldByClient.get(client) ?? 0) + 1);
    socket.on('close', () => {
      const left = (this.#heldByClient.get(client) ?? 0) - 1;
      if (left > 0) this.#heldByClient.set(client, left);
      else this.#heldByClient.delete(client);
    });
  }
}

/** Who is refused may be gone already. */
function ignore(): void {}
