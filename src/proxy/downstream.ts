/**
 * What an exchange needs of the client's side. HTTP/1.1 connections implement it; an exchange never knows which protocol
 * it serves.
 */
import type { LocalResponse } from './error-response.ts';
import type { ResponseHead } from './http1/response-head.ts';
import type { ProxyAddresses } from './proxy-protocol/addresses.ts';
import type { UpstreamTunnel } from './tunnel.ts';

export interface Downstream {
  /** Of the request that is being judged. Without port; IPv6 without brackets. */
  readonly clientIp: string;
  /** Both ends of the client's connection, for a PROXY protocol header; null when it is gone. Made when asked for. */
  readonly addresses: ProxyAddresses | null;
  /** Stages the head of the final response; `head` is valid during the call only. */
  startResponse(head: ResponseHead): void;
  /** Passes on a 1xx head. */
  sendInformational(head: ResponseHead): void;
  /** Bytes `[start, end)` are valid during the call only. */
  writeResponse(buffer: Buffer, start: number, end: number): void;
  /** What was staged goes out, with the end of the turn at the latest. False: stop reading upstream until `exchange.onDownstreamDrain`. */
  flushResponse(): boolean;
  /** @param trailers names and values in turn, for a protocol that can carry them */
  endResponse(trailers: readonly string[] | null): void;
  /** The response cannot be completed: cut it so that the client sees it is not complete (RFC 9112 §8). */
  abortResponse(): void;
  /** A complete answer of our own, before any response byte was sent. */
  answer(response: LocalResponse): void;
  /** Stop and resume the flow of request body bytes. */
  pauseRequest(): void;
  resumeRequest(): void;
  /** The back end agreed to switch protocols: relay its 101 and leave HTTP. */
  startTunnel(head: ResponseHead, tunnel: UpstreamTunnel): void;
}
