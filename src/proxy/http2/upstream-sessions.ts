/**
 * The HTTP/2 connections to one endpoint: exchanges share them as far as the endpoint allows, further ones are opened as
 * needed, and those without work time out.
 */
import type { Endpoint } from '../../balancer/endpoint.ts';
import type { Exchange } from '../exchange.ts';
import { Outcome } from '../outcome.ts';
import type { UpstreamDialer } from '../upstream-dialer.ts';
import type { UpstreamTransport } from '../upstream-transport.ts';
import type { WorkerContext } from '../worker-context.ts';
import { Http2ClientSession, type SessionOwner } from './client-session.ts';

/** Only an endpoint that allows few streams on each makes us open many. */
const MAX_SESSIONS = 256;

const ALPN_PROTOCOLS: readonly string[] = ['h2'];

export class Http2UpstreamPool implements UpstreamTransport, SessionOwner {
  readonly endpoint: Endpoint;
  streamLimit: number;
  readonly #worker: WorkerContext;
  readonly #dialer: UpstreamDialer;
  readonly #encrypted: boolean;
  readonly #sessions: Http2ClientSession[];
  #closed: boolean;

  constructor(worker: WorkerContext, endpoint: Endpoint, dialer: UpstreamDialer, encrypted: boolean) {
    this.endpoint = endpoint;
    this.streamLimit = Number.POSITIVE_INFINITY;
    this.#worker = worker;
    this.#dialer = dialer;
    this.#encrypted = encrypted;
    this.#sessions = [];
    this.#closed = false;
  }

  get idleCount(): number {
    let count = 0;
    for (const session of this.#sessions) if (session.isIdle) count++;
    return count;
  }

  get hasRoom(): boolean {
    return this.#sessions.some((session) => session.hasRoom);
  }

  get openCount(): number {
    return this.#sessions.length;
  }

  dispatch(exchange: Exchange, mayReuse: boolean): void {
    const sessions = this.#sessions;
    for (let at = exchange.bindsConnection ? sessions.length : 0; at < sessions.length; at++) {
      const session = sessions[at] as Http2ClientSession;
      if (!session.hasRoom || (session.served && !mayReuse)) continue;
      session.carry(exchange);
      return;
    }
    if (sessions.length >= MAX_SESSIONS) exchange.onAttemptFailed(Outcome.LocalShortage, false, false);
    else this.#open(exchange);
  }

  onSessionClosed(session: Http2ClientSession): void {
    const at = this.#sessions.indexOf(session);
    if (at === -1) return;
    this.#sessions.splice(at, 1);
    this.#worker.upstreamConnections--;
  }

  /** Sessions without work go now, the others when their exchanges have ended. */
  close(): void {
    this.#closed = true;
    this.retire();
  }

  retire(): void {
    // Those that close at once take themselves off the list.
    for (let at = this.#sessions.length - 1; at >= 0; at--) this.#sessions[at]?.leave();
  }

  #open(exchange: Exchange): void {
    const dialer = this.#dialer;
    const client = dialer.namesClient ? exchange.downstream.addresses : null;
    const session = new Http2ClientSession(
      this.#worker,
      this,
      (sink) => dialer.dial(sink, ALPN_PROTOCOLS, client),
      this.#encrypted,
    );
    this.#sessions.push(session);
    this.#worker.upstreamConnections++;
    session.carry(exchange);
    // Whoever sent the next request on it would pass for the client that its PROXY header, or an exchange before, named.
    if (this.#closed || this.endpoint.retiring || dialer.namesClient || exchange.bindsConnection) session.leave();
  }
}
