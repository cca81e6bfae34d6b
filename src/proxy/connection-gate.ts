/**
 * How many client connections one worker holds at most, on all listeners together, those still in their TLS handshake
 * included. What is above that is closed at once, before it costs memory. The sockets to endpoints count towards the limit
 * of open files, which must never be reached: there the kernel refuses `accept`, and libuv, of which each thread has one,
 * then loses the spare file it needs to get rid of the connection, and spins until a file is closed.
 */
import type { Socket } from 'node:net';
import { ThrottledWarning } from './throttled-warning.ts';
import type { WorkerContext } from './worker-context.ts';

export class ConnectionGate {
  readonly #worker: WorkerContext;
  readonly #fullWarning: ThrottledWarning;
  readonly #acceptWarning: ThrottledWarning;
  readonly #release: () => void;
  #held: number;

  constructor(worker: WorkerContext) {
    this.#worker = worker;
    this.#fullWarning = new ThrottledWarning(worker, 'too many connections, closing new ones');
    this.#acceptWarning = new ThrottledWarning(worker, 'connection could not be accepted');
    this.#held = 0;
    this.#release = () => {
      this.#held--;
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
    if (this.#held < maxConnections && sockets < maxSockets) return true;
    this.#worker.refusedConnections++;
    this.#fullWarning.warn({ connections: this.#held, maxConnections, sockets, maxSockets });
    // A reset: an orderly close would leave each of them in TIME_WAIT on our side.
    socket.on('error', ignore);
    socket.resetAndDestroy();
    return false;
  }

  /** Counts a connection until its socket is closed. */
  hold(socket: Socket): void {
    this.#held++;
    socket.on('close', this.#release);
  }

  /** What a listening socket reports: it goes on listening, whatever the reason. */
  onAcceptError(listener: string, error: Error): void {
    this.#worker.acceptErrors++;
    this.#acceptWarning.warn({ listener, error });
  }
}

/** Who is refused may be gone already. */
function ignore(): void {}
