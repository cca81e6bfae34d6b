/** A connection that asks its question as often as it is kept: what `kept-probe.ts` sees of HTTP/1.1 and HTTP/2. */
import type { ProbeTools } from './probe.ts';
import type { ProbeAddress, Probing } from './probing.ts';
import type { SpareReaders } from './spare-readers.ts';

export interface ProbeConnection {
  /**
   * Asks once more; only after an answer that came with leave to keep the connection.
   * @param isLast no other question will follow
   */
  ask(isLast: boolean): void;
  /** Nothing is reported from now on. */
  destroy(): void;
}

/** Who asks. Nothing is called before the constructor of the connection, or `ask`, returned. */
export interface ConnectionOwner {
  /** Of the last handshake with this address, for the next one; null = none. */
  readonly tlsSession: Buffer | null;
  onOpened(): void;
  onTlsSession(session: Buffer, resumed: boolean): void;
  /**
   * @param reason empty = it is healthy
   * @param keepMs for how long the connection may be kept, as far as the endpoint has a say; 0 = not at all
   */
  onAnswer(reason: string, keepMs: number): void;
  /**
   * The connection failed, or cannot be used any more. It reports nothing else.
   * @param isEarly not a byte of an answer had come
   */
  onBroken(reason: string, isEarly: boolean): void;
}

/** Opens a connection and asks as soon as it is open. May throw. */
export type OpenConnection = (owner: ConnectionOwner, isLast: boolean) => ProbeConnection;

/** What is asked, where, and by what means. */
export interface ProbeLink {
  readonly probing: Probing;
  readonly address: ProbeAddress;
  readonly tools: ProbeTools;
  readonly readers: SpareReaders;
}
