/**
 * Takes the PROXY protocol header off an accepted socket before anyone else reads from it, and hands over the bytes behind
 * it. For TLS listeners too: the header stands in front of the handshake, on the raw socket. Leaves who must send a header
 * and what becomes of the connection to the server.
 */
import type { Socket } from 'node:net';
import type { CoarseClock, Sweepable, Watch } from '../coarse-clock.ts';
import type { ProxyAddresses } from './addresses.ts';
import { ProxyHeaderParser } from './header-parser.ts';

export type DeadlineClock = Pick<CoarseClock, 'nowMs' | 'watch'>;

/** Exactly one of the two is called, once. */
export interface HeaderListener {
  /**
   * The socket is the listener's: nothing of ours hangs on it any more, and it does not read by itself. `rest` came behind
   * the header and belongs in front of whatever is read next. Null addresses: the socket's own count.
   */
  onHeader(receiver: HeaderReceiver, addresses: ProxyAddresses | null, rest: Buffer): void;
  /** The socket is destroyed. An empty fault: the peer left without a word, as TCP health probes do. */
  onRefused(receiver: HeaderReceiver, fault: string): void;
}

export class HeaderReceiver implements Sweepable {
  readonly socket: Socket;
  /** Address of who is connected; empty when it was gone at once. */
  readonly peer: string;
  readonly #listener: HeaderListener;
  readonly #parser: ProxyHeaderParser;
  readonly #watch: Watch;
  readonly #deadlineMs: number;
  #anyBytes: boolean;
  #settled: boolean;
  readonly #onReadable: () => void;
  readonly #onGone: () => void;

  constructor(socket: Socket, clock: DeadlineClock, limitMs: number, listener: HeaderListener) {
    this.socket = socket;
    this.peer = socket.remoteAddress ?? '';
    this.#listener = listener;
    this.#parser = new ProxyHeaderParser();
    this.#deadlineMs = clock.nowMs + limitMs;
    this.#anyBytes = false;
    this.#settled = false;
    this.#onReadable = () => this.#read();
    this.#onGone = () => this.#refuse(this.#anyBytes ? 'the connection ended inside the header' : '');
    this.#watch = clock.watch(this);
    // `readable`, not `data`: without a listener the socket is neither flowing nor paused, as if nobody had read from it.
    socket.on('readable', this.#onReadable);
    socket.on('end', this.#onGone);
    socket.on('error', this.#onGone);
    socket.on('close', this.#onGone);
  }

  /** For shutdown: connections without a header have nothing to lose. Does nothing once the socket is handed over. */
  destroy(): void {
    this.#refuse('');
  }

  /** The limit is one for the whole header, so that a byte now and then does not prolong it. */
  onTick(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.#refuse('no complete PROXY protocol header in time');
  }

  #read(): void {
    const parser = this.#parser;
    for (;;) {
      const chunk = this.socket.read() as Buffer | null;
      if (chunk === null) return;
      this.#anyBytes = true;
      const used = parser.append(chunk, 0, chunk.length);
      if (parser.state === 'invalid') {
        this.#refuse(parser.fault);
        return;
      }
      if (parser.state === 'done') {
        this.#detach();
        this.#listener.onHeader(this, parser.result, chunk.subarray(used));
        return;
      }
    }
  }

  #refuse(fault: string): void {
    if (this.#settled) return;
    this.#detach();
    // Errors of the dying socket, e.g. a reset, are nobody's concern.
    this.socket.on('error', ignore);
    this.socket.destroy();
    this.#listener.onRefused(this, fault);
  }

  #detach(): void {
    this.#settled = true;
    this.#watch.leave();
    this.socket.off('readable', this.#onReadable);
    this.socket.off('end', this.#onGone);
    this.socket.off('error', this.#onGone);
    this.socket.off('close', this.#onGone);
  }
}

function ignore(): void {}
