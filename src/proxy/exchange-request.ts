/** What the phases of a request make of it for its exchange: everything that outlives the head it came with. */
import type { LaneMark } from './lane.ts';
import type { StickySession } from './sticky-session.ts';

/** What the access log wants to know of a request; only made when the log is on. */
export interface RequestFactsForLog {
  readonly timeMs: number;
  readonly clientIp: string;
  readonly host: string;
  readonly target: string;
  readonly protocol: string;
  readonly userAgent: string;
  readonly referer: string;
  /** `SplitReason`. */
  split: string;
  /** -1 = the split went by none. */
  bucket: number;
}

/** A judged request, ready to be sent. */
export interface ExchangeRequest {
  readonly method: string;
  /** Complete head for an HTTP/1.1 back end, with the empty line, and the body where that came along whole. */
  readonly text: string;
  readonly id: string;
  /** Bytes of the body in `text`. */
  readonly inlineBytes: number;
  /** How the body that follows `text` is framed. */
  readonly body: number;
  readonly expectContinue: boolean;
  /** Non-empty: the client offered to switch to this. */
  readonly upgrade: string;
  /** The client takes fields behind the body of the response, and says so to HTTP/2 back ends. */
  readonly acceptsTrailers: boolean;
  /** No other request may use the connection that carries this one. */
  readonly bindsConnection: boolean;
  /** Null = the route binds nobody to an endpoint. */
  readonly session: StickySession | null;
  /** For balancers that stick to a key; 0 where nobody asks for it. */
  readonly hashKey: number;
  readonly logFacts: RequestFactsForLog | null;
  /** Null = no side of the route has a lane. */
  readonly lane: LaneMark | null;
}
