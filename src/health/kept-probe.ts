/**
 * Probes one address over a connection that is kept from one probe to the next, as far as that is wise: it is opened anew
 * after any failure, after some probes, and where it would be idle for longer than the endpoint has patience.
 */
import type { KeptConnections } from './kept-connections.ts';
import type { Probe, ProbeDone } from './probe.ts';
import type { ConnectionOwner, OpenConnection, ProbeConnection, ProbeLink } from './probe-connection.ts';
import { describeProbeError } from './probe-error.ts';
import { JITTER } from './probing.ts';

/** A resumed session is not checked again: a certificate that has expired must not go unnoticed for longer. */
const MAX_SESSION_MS = 600_000;

export class KeptProbe implements Probe, ConnectionOwner {
  readonly #link: ProbeLink;
  readonly #open: OpenConnection;
  readonly #kept: KeptConnections;
  readonly #onDone: ProbeDone;
  /** When the next probe comes at the latest. */
  readonly #nextInMs: number;
  #connection: ProbeConnection | null;
  #openedMs: number;
  /** On this connection. */
  #probes: number;
  /** Holds a place among the kept connections. */
  #isReserved: boolean;
  #isAsking: boolean;
  #tlsSession: Buffer | null;
  /** When the certificate that it stands for was checked. */
  #verifiedMs: number;

  // oxlint-disable-next-line eslint/max-params -- all that one loop of probes is made of
  constructor(link: ProbeLink, open: OpenConnection, kept: KeptConnections, onDone: ProbeDone) {
    this.#link = link;
    this.#open = open;
    this.#kept = kept;
    this.#onDone = onDone;
    this.#nextInMs = link.probing.check.intervalMs * (1 + JITTER);
    this.#connection = null;
    this.#openedMs = 0;
    this.#probes = 0;
    this.#isReserved = false;
    this.#isAsking = false;
    this.#tlsSession = null;
    this.#verifiedMs = 0;
  }

  get tlsSession(): Buffer | null {
    return this.#kept.nowMs() - this.#verifiedMs < MAX_SESSION_MS ? this.#tlsSession : null;
  }

  start(): void {
    this.#isAsking = true;
    const connection = this.#connection;
    if (connection !== null) {
      this.#probes++;
      connection.ask(!this.#maySpan());
      return;
    }
    try {
      this.#connect();
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

  onTlsSession(session: Buffer, resumed: boolean): void {
    if (!resumed) this.#verifiedMs = this.#kept.nowMs();
    this.#tlsSession = session;
  }

  onAnswer(reason: string, keepMs: number): void {
    if (reason !== '' || !this.#isReserved || keepMs < this.#nextInMs || !this.#maySpan()) this.#drop();
    if (reason !== '') this.#tlsSession = null;
    this.#finish(reason);
  }

  onBroken(reason: string, isEarly: boolean): void {
    const isStale = isEarly && this.#probes > 1;
    this.#drop();
    if (!this.#isAsking) return;
    if (!isStale) {
      this.#tlsSession = null;
      return this.#finish(reason);
    }
    // The endpoint may have closed it while nobody used it, which says nothing about its health.
    try {
      this.#connect();
    } catch (error) {
      this.#drop();
      this.#finish(describeProbeError(error));
    }
  }

  #connect(): void {
    this.#openedMs = this.#kept.nowMs();
    this.#probes = 1;
    this.#isReserved = this.#maySpan() && this.#kept.reserve();
    this.#connection = this.#open(this.#link, this, !this.#isReserved);
  }

  #maySpan(): boolean {
    return this.#kept.maySpan(this.#openedMs, this.#probes, this.#nextInMs);
  }

  #drop(): void {
    this.#connection?.destroy();
    this.#connection = null;
    if (this.#isReserved) this.#kept.release();
    this.#isReserved = false;
  }

  #finish(reason: string): void {
    if (!this.#isAsking) return;
    this.#isAsking = false;
    this.#onDone(reason);
  }
}
