/**
 * The HTTP/2 connections to one endpoint: exchanges share them as far as the endpoint allows, further ones are opened as
 * needed, and those without work time out.
 */
import type { Socket } from 'node:net';
import type { Endpoint, EndpointTransport } from '../../balancer/endpoint.ts';
import type { Exchange } from '../exchange.ts';
import { Outcome } from '../outcome.ts';
import type { WorkerContext } from '../worker-context.ts';
import { Http2ClientSession, type SessionOwner } from './client-session.ts';

/** Only an endpoint that allows few streams on each makes us open many. */
const MAX_SESSIONS = 256;

/** Opens the sockets of a pool, and hands their events to the session. */
export interface SessionDialer {
  readonly encrypted: boolean;
  dial(session: Http2ClientSession, exchange: Exchange): Socket;
}

export class Http2UpstreamPool implements EndpointTransport, SessionOwner {
  readonly endpoint: Endpoint;
  readonly #worker: WorkerContext;
  readonly #dialer: SessionDialer;
  readonly #sessions: Http2ClientSession[];
  #closed: boolean;

  constructor(worker: WorkerContext, endpoint: Endpoint, dialer: SessionDialer) {
    this.endpoint = endpoint;
    this.#worker = worker;
    this.#dialer = dialer;
    this.#sessions = [];
    this.#closed = false;
  }

  get idleCount(): number {
    let count = 0;
    for (const session of this.#sessions) if (session.isIdle) count++;
    return count;
  }

  get openCount(): number {
    return this.#sessions.length;
  }

  /** @param mayReuse false after a connection turned out to be stale: any other that had served before may be so too */
  dispatch(exchange: Exchange, mayReuse: boolean): void {
    const sessions = this.#sessions;
    for (let at = 0; at < sessions.length; at++) {
      const session = sessions[at] as Http2ClientSession;
      if (!session.hasRoom || (session.served && !mayReuse)) continue;
      session.carry(exchange);
      return;
    }
    if (sessions.length >= MAX_SESSIONS) {
      exchange.onAttemptFailed(Outcome.ConnectFailed, false, false);
      return;
    }
    const dialer = this.#dialer;
    const opened = new Http2ClientSession(
      this.#worker,
      this,
      (session) => dialer.dial(session, exchange),
      dialer.encrypted,
    );
    sessions.push(opened);
    this.#worker.upstreamConnections++;
    opened.carry(exchange);
    if (this.#closed) opened.leave();
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
    for (const session of [...this.#sessions]) session.leave();
  }
}
