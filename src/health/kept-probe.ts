/**
 * Probes one address over a connection that is kept from one probe to the next, as far as that is wise: it is opened anew
 * after any failure, after some time, and where it would be idle for longer than the endpoint has patience.
 * Guarded by `bench/macro/health.ts`.
 */
import { type KeptConnections, MAX_AGE_MS, type Place } from './kept-connections.ts';
import type { Opening, Probe, ProbeOwner } from './probe.ts';
import type { ConnectionOwner, OpenConnection, ProbeConnection, ProbeLink } from './probe-connection.ts';
import { describeProbeError } from './probe-error.ts';
import { JITTER } from './probing.ts';

/** A resumed session is not checked again: a certificate that has expired must not go unnoticed for longer. */
const MAX_SESSION_MS = 600_000;

export class KeptProbe implements Probe, ConnectionOwner {
  readonly #open: OpenConnection;
  readonly #kept: KeptConnections;
  readonly #owner: ProbeOwner;
  readonly #isEncrypted: boolean;
  /** When the next probe comes at the latest. */
  readonly #nextInMs: number;
  #connection: ProbeConnection | null;
  /** What is asked later is the last on this connection: for the next probe it will be too old. */
  #lastAskMs: number;
  /** It has answered before. */
  #isProven: boolean;
  /** Of the connection, among those that are kept. */
  #place: Place;
  /** The connection serves no other probe after the present one. */
  #isLast: boolean;
  #isAsking: boolean;
  #tlsSession: Buffer | null;
  /** When the certificate that it stands for was checked. */
  #verifiedMs: number;

  constructor({ probing }: ProbeLink, open: OpenConnection, kept: KeptConnections, owner: ProbeOwner) {
    this.#open = open;
    this.#kept = kept;
    this.#owner = owner;
    this.#isEncrypted = probing.transport.tls !== null;
    this.#nextInMs = probing.check.intervalMs * (1 + JITTER);
    this.#connection = null;
    this.#lastAskMs = 0;
    this.#isProven = false;
    this.#place = 'none';
    this.#isLast = false;
    this.#isAsking = false;
    this.#tlsSession = null;
    this.#verifiedMs = 0;
  }

  get opens(): Opening {
    if (this.#connection !== null) return 'nothing';
    return this.#isEncrypted ? 'handshake' : 'connection';
  }

  get tlsSession(): Buffer | null {
    return this.#kept.nowMs() - this.#verifiedMs < MAX_SESSION_MS ? this.#tlsSession : null;
  }

  start(nowMs: number): void {
    this.#isAsking = true;
    const connection = this.#connection;
    if (connection !== null) {
      this.#isLast = nowMs > this.#lastAskMs || (this.#place === 'borrowed' && this.#kept.mustReturn);
      connection.ask(this.#isLast);
      return;
    }
    try {
      this.#connect(nowMs);
    } catch (error) {
      // A port that is none, or settings that OpenSSL refuses.
      this.#drop();
      queueMicrotask(() => this.#finish(describeProbeError(error)));
    }
  }

  cancel(): void {
    this.#isAsking = false;
    this.#tlsSession = null;
    this.#drop();
  }

  onOpened(): void {
    this.#owner.onOpened();
  }

  onTlsSession(session: Buffer, resumed: boolean): void {
    if (!resumed) this.#verifiedMs = this.#kept.nowMs();
    this.#tlsSession = session;
  }

  onAnswer(reason: string, keepMs: number): void {
    this.#isProven = true;
    if (reason !== '' || this.#isLast || keepMs < this.#nextInMs) this.#drop();
    if (reason !== '') this.#tlsSession = null;
    this.#finish(reason);
  }

  onBroken(reason: string, isEarly: boolean): void {
    const isStale = isEarly && this.#isProven;
    this.#drop();
    if (!this.#isAsking) return;
    if (!isStale) {
      this.#tlsSession = null;
      return this.#finish(reason);
    }
    // The endpoint may have closed it while nobody used it, which says nothing about its health.
    try {
      this.#connect(this.#kept.nowMs());
    } catch (error) {
      this.#drop();
      this.#finish(describeProbeError(error));
    }
  }

  #connect(nowMs: number): void {
    this.#lastAskMs = nowMs + MAX_AGE_MS - this.#nextInMs;
    this.#isProven = false;
    this.#place = nowMs <= this.#lastAskMs ? this.#kept.reserve() : 'none';
    this.#isLast = this.#place === 'none';
    this.#connection = this.#open(this, this.#isLast);
  }

  #drop(): void {
    this.#connection?.destroy();
    this.#connection = null;
    this.#kept.release(this.#place);
    this.#place = 'none';
  }

  #finish(reason: string): void {
    if (!this.#isAsking) return;
    this.#isAsking = false;
    this.#owner.onResult(reason);
  }
}
