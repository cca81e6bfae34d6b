/** A client's connection, whatever it speaks, as the server knows it. */
import type { Roster } from '../model/roster.ts';
import type { ConnectionOrigin } from './request-origin.ts';

export interface OpenConnection {
  readonly origin: ConnectionOrigin;
  /** Bytes `[0, length)` are valid during the call only. */
  onRead(buffer: Buffer, length: number): void;
  /** Close when idle; what is under way is finished. */
  drain(): void;
  destroy(): void;
}

/** A connection enters itself, and leaves when it is over or somebody else's. */
export type OpenConnections = Roster<OpenConnection>;
