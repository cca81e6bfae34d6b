/**
 * A connection whose PROXY protocol header is awaited: nobody reads it as anything else before, and without a valid header
 * nobody ever does. What the header says of a TLS connection is kept until its handshake is complete.
 */
import type { Socket } from 'node:net';
import type { Roster, RosterEntry } from '../../model/roster.ts';
import type { ListenerFacts } from '../forwarded-fields.ts';
import type { ListenerState } from '../listener-state.ts';
import type { ThrottledWarning } from '../throttled-warning.ts';
import type { WorkerContext } from '../worker-context.ts';
import type { ProxyAddresses } from './addresses.ts';
import { HeaderReceiver } from './header-receiver.ts';

/** The connection is the listener's; `rest` came behind the header and belongs in front of whatever is read next. */
export type OnHeader = (facts: ListenerFacts, rest: Buffer) => void;

export class AwaitedHeader {
  readonly #state: ListenerState;
  readonly #receiver: HeaderReceiver;
  readonly #warning: ThrottledWarning;
  readonly #onHeader: OnHeader;
  #entry: RosterEntry<AwaitedHeader> | null;

  constructor(
    worker: WorkerContext,
    socket: Socket,
    state: ListenerState,
    onHeader: OnHeader,
    warning: ThrottledWarning,
  ) {
    this.#state = state;
    this.#warning = warning;
    this.#onHeader = onHeader;
    this.#entry = null;
    this.#receiver = new HeaderReceiver(socket, worker.clock, worker.settings.proxyHeaderTimeoutMs, this);
  }

  /** Until the header is there, or the connection gone. */
  enter(roster: Roster<AwaitedHeader>): void {
    this.#entry = roster.add(this);
  }

  onHeader(_receiver: HeaderReceiver, addresses: ProxyAddresses | null, rest: Buffer): void {
    this.#entry?.leave();
    this.#onHeader(this.#state.factsBehind(addresses), rest);
  }

  onRefused(receiver: HeaderReceiver, fault: string): void {
    this.#entry?.leave();
    if (fault !== '') this.#warning.warn({ listener: this.#state.facts.name, peer: receiver.peer, fault });
  }

  /** Nothing has begun that could be finished. */
  destroy(): void {
    this.#receiver.destroy();
  }
}

/**
 * What headers said of connections in their TLS handshake, of one listener. A TLS socket does not tell which socket it
 * stands on, but both tell the same addresses.
 */
export class HeaderFacts {
  readonly #byAddress: Map<string, ListenerFacts>;

  constructor() {
    this.#byAddress = new Map();
  }

  /** Until the connection is closed. */
  keep(socket: Socket, facts: ListenerFacts): void {
    const key = toKey(socket);
    this.#byAddress.set(key, facts);
    socket.on('close', () => {
      if (this.#byAddress.get(key) === facts) this.#byAddress.delete(key);
    });
  }

  /** Null: no header said anything. */
  of(socket: Socket): ListenerFacts | null {
    return this.#byAddress.size === 0 ? null : (this.#byAddress.get(toKey(socket)) ?? null);
  }
}

function toKey({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
