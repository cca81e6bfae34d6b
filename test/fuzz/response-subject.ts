/**
 * Our reading of a back end's byte stream: the real `ClientConnection`, given reads by a socket that does not exist, with
 * an exchange that only takes notes.
 */
import type { Socket } from 'node:net';
import { Roster } from '../../src/model/roster.ts';
import type { Sweepable } from '../../src/proxy/coarse-clock.ts';
import type { Exchange } from '../../src/proxy/exchange.ts';
import { ClientConnection } from '../../src/proxy/http1/client-connection.ts';
import { ResponseHead } from '../../src/proxy/http1/response-head.ts';
import { Outcome } from '../../src/proxy/outcome.ts';
import type { UpstreamTunnel } from '../../src/proxy/tunnel.ts';
import { TurnEnd } from '../../src/proxy/turn-end.ts';
import type { DialSink } from '../../src/proxy/upstream-dialer.ts';
import type { UpstreamPool } from '../../src/proxy/upstream-pool.ts';
import type { WorkerContext } from '../../src/proxy/worker-context.ts';
import { type Asked, OFFER } from './response-rules.ts';
import { CLOSED, CUT_OFF, OPEN, ParsedMessage, REFUSED, Trace, TUNNEL } from './trace.ts';

export const MAX_RESPONSE_FIELDS = 32;

export class ResponseSubject {
  /** The connection of the last run was given back for another request. */
  reusable: boolean;
  /** Heads as they would go to the client. */
  readonly forwarded: string[];
  keepForwarded: boolean;
  readonly #worker: WorkerContext;
  readonly #pool: UpstreamPool;
  #trace: Trace;
  #fed: number;
  #closed: boolean;
  readonly #watched: Roster<Sweepable>;

  constructor() {
    this.reusable = false;
    this.forwarded = [];
    this.keepForwarded = false;
    this.#trace = new Trace();
    this.#fed = 0;
    this.#closed = false;
    this.#watched = new Roster();
    this.#worker = {
      responseHead: new ResponseHead(MAX_RESPONSE_FIELDS),
      readBuffer: Buffer.alloc(65_536),
      clock: { nowMs: 1, watch: (watched: Sweepable) => this.#watched.add(watched) },
      // The request is on its way at once: its response may come with the next read.
      heldWrites: new TurnEnd(1),
      settings: { upstreamIdleTimeoutMs: 60_000, writeTimeoutMs: 60_000 },
    } as unknown as WorkerContext;
    this.#pool = {
      dialer: { namesClient: false, dial: () => SOCKET },
      release: () => this.#onRelease(),
      onClosed: () => {
        this.#closed = true;
      },
    } as unknown as UpstreamPool;
  }

  /** @param cuts ascending positions at which the stream is split into reads; its end is the peer's FIN */
  run(bytes: Buffer, asked: Asked, cuts: readonly number[]): Trace {
    const trace = new Trace();
    this.#trace = trace;
    this.#fed = 0;
    this.#closed = false;
    this.reusable = false;
    this.forwarded.length = 0;
    const connection = new ClientConnection(this.#worker, this.#pool);
    connection.connect(this.#exchange(asked));
    connection.onConnected(SOCKET);
    let start = 0;
    for (const cut of cuts) {
      this.#read(connection, bytes.subarray(start, cut));
      start = cut;
    }
    this.#read(connection, bytes.subarray(start));
    if (trace.ending === OPEN) connection.onEnd(true);
    if (trace.ending === OPEN) throw new Error('a connection that ended left its exchange waiting');
    connection.destroy();
    if (!this.#closed) throw new Error('a destroyed connection stayed open');
    if (this.#watched.size !== 0) throw new Error('a connection that is over was left with the clock');
    return trace;
  }

  #read(connection: DialSink, segment: Buffer): void {
    if (segment.length === 0 || this.#closed) return;
    const idle = this.reusable;
    this.#fed += segment.length;
    const { readBuffer } = this.#worker;
    segment.copy(readBuffer);
    connection.onRead(readBuffer, segment.length);
    if (idle && !this.#closed) throw new Error('bytes on an idle connection did not close it');
  }

  #onRelease(): void {
    if (this.reusable) throw new Error('a connection was given back twice');
    this.reusable = true;
  }

  #exchange(asked: Asked): Exchange {
    const trace = this.#trace;
    const policy = { connectTimeoutMs: 1_000, responseTimeoutMs: 1_000, idleTimeoutMs: 1_000 };
    const exchange = {
      method: asked === 'head' ? 'HEAD' : 'GET',
      upgrade: asked === 'upgrade' ? OFFER : '',
      requestText: '',
      requestSent: true,
      responseStarted: false,
      status: 0,
      route: { policy },
      downstream: {
        flushResponse: () => true,
        startTunnel: (_head: ResponseHead, tunnel: UpstreamTunnel) => this.#startTunnel(tunnel),
      },
      onConnectionReady: ignore,
      onUpstreamDrain: ignore,
      onSwitch: ignore,
      addFields: ignore,
      onInformational: (head: ResponseHead) =>
        this.#addMessage(head).complete || fail('an incomplete interim response'),
      onResponseHead: (head: ResponseHead) => {
        exchange.responseStarted = true;
        this.#addMessage(head);
      },
      onResponseData: (buffer: Buffer, start: number, end: number) => {
        const message = trace.current ?? fail('body bytes outside of a message');
        message.addBody(buffer, start, end);
      },
      onResponseEnd: () => {
        const message = trace.current ?? fail('the end of a body outside of a message');
        message.complete = true;
        message.end = this.#fed;
        this.#end(CLOSED, '');
      },
      onAttemptFailed: (outcome: Outcome) => {
        if (outcome === Outcome.UpstreamInvalid) this.#end(REFUSED, '502');
        else this.#end(CUT_OFF, '');
      },
    };
    return exchange as unknown as Exchange;
  }

  #addMessage(head: ResponseHead): ParsedMessage {
    const interim = head.status < 200;
    const message = new ParsedMessage(String(head.status), '', interim || head.keepAlive);
    message.complete = interim;
    if (this.#trace.current !== null) throw new Error('a response begins inside another');
    this.#trace.messages.push(message);
    if (this.keepForwarded) this.forwarded.push(`${head.toText()}\r\n`);
    return message;
  }

  #startTunnel(tunnel: UpstreamTunnel): void {
    const message = new ParsedMessage('101', '', true);
    message.complete = true;
    this.#trace.messages.push(message);
    this.#end(TUNNEL, '');
    tunnel.attachTunnel({
      write: () => true,
      end: ignore,
      pause: ignore,
      resume: ignore,
      destroy: ignore,
    });
  }

  #end(ending: number, reason: string): void {
    if (this.#trace.ending !== OPEN) throw new Error('an exchange ended twice');
    this.#trace.ending = ending;
    this.#trace.reason = reason;
  }
}

function ignore(): void {}

function fail(message: string): never {
  throw new Error(message);
}

/** The socket that does not exist. */
const SOCKET = {
  write: () => true,
  end: ignore,
  pause: ignore,
  resume: ignore,
  isPaused: () => false,
  cork: ignore,
  uncork: ignore,
  destroy: ignore,
  on: ignore,
  once: ignore,
  setTimeout: ignore,
} as unknown as Socket;
