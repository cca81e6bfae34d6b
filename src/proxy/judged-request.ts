/**
 * What the phases of a request need of its head once a codec has judged it. Each protocol has its own implementation, so
 * routing, forwarding and logging never know which one a client speaks.
 */
import type { RequestFacts } from '../router/route-table.ts';

export interface JudgedRequest extends RequestFacts {
  readonly method: string;
  /** Path and query as forwarded: normalised, starts with `/` (or is `*`). */
  readonly target: string;
  /** Index of the `?` in `target`, or its length. */
  readonly pathEnd: number;
  /** As the client sent it, port included; may be empty where its protocol allows that. */
  readonly host: string;
  /** As access logs spell it: `HTTP/1.1`. */
  readonly protocol: string;
  /** `BODY_NONE`, `BODY_LENGTH` or `BODY_CHUNKED`: how the body is framed towards an HTTP/1.1 back end. */
  readonly body: number;
  readonly contentLength: number;
  readonly expectContinue: boolean;
  /** Value of a usable `Upgrade` offer; empty otherwise. */
  readonly upgrade: string;
  /** `TE` has `trailers` (RFC 9110 §10.1.4). */
  readonly acceptsTrailers: boolean;
  readonly forwardedFor: string;
  readonly forwardedHost: string;
  readonly requestId: string;
  /** How many hops an OPTIONS request may still take (RFC 9110 §7.6.2); -1 where that is not limited. */
  readonly maxForwards: number;
  /** The credentials may be taken for those of the whole connection to the back end. */
  readonly bindsConnection: boolean;
  /**
   * Request line and passing fields for an HTTP/1.1 peer, `Content-Length` among them; without any other framing and
   * without the empty line at the end.
   */
  toForwardedHead(): string;
}
