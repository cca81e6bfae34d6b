/**
 * A stream that a client opened with extended CONNECT for a WebSocket (RFC 8441 §5), while it is one and before: what the
 * client sends waits until the back end has switched; then its DATA becomes bytes there, and the other way round.
 * END_STREAM stands for the half-close of a connection, a reset for its loss.
 */
import type { ResponseHead } from '../http1/response-head.ts';
import type { DownstreamTunnel, UpstreamTunnel } from '../tunnel.ts';
import type { IncomingBody, IncomingBodyListener } from './incoming-body.ts';
import type { OutgoingBody } from './outgoing-body.ts';
import { toWebSocketAccept } from './web-socket-key.ts';

export interface StreamTunnelListener {
  /** The client does not read what waits for it. */
  onTunnelStalled(): void;
  /** @param complete both sides have said their last word; else the back end is gone before that */
  onTunnelOver(complete: boolean): void;
}

/** Bytes of both directions, for log and metrics. */
export interface TunnelCounter {
  requestBytes: number;
  responseBytes: number;
}

export class StreamTunnel implements DownstreamTunnel, IncomingBodyListener {
  readonly #key: string;
  readonly #sending: OutgoingBody;
  readonly #listener: StreamTunnelListener;
  #receiving: IncomingBody | null;
  #upstream: UpstreamTunnel | null;
  #counter: TunnelCounter | null;
  #clientEnded: boolean;
  /** The back end has ended; some of what it said may wait. */
  #upstreamEnded: boolean;
  #endSent: boolean;

  /** @param key the `Sec-WebSocket-Key` that the back end was sent */
  constructor(key: string, sending: OutgoingBody, listener: StreamTunnelListener) {
    this.#key = key;
    this.#sending = sending;
    this.#listener = listener;
    this.#receiving = null;
    this.#upstream = null;
    this.#counter = null;
    this.#clientEnded = false;
    this.#upstreamEnded = false;
    this.#endSent = false;
  }

  get isOpen(): boolean {
    return this.#upstream !== null;
  }

  /** Whether the back end has read our key as that of a WebSocket (RFC 6455 §4.1). */
  isProvenBy(head: ResponseHead): boolean {
    return head.fields.find('sec-websocket-accept') === toWebSocketAccept(this.#key);
  }

  /** The client has been told that its stream is a tunnel now. */
  open(receiving: IncomingBody, upstream: UpstreamTunnel, counter: TunnelCounter): void {
    this.#receiving = receiving;
    this.#upstream = upstream;
    this.#counter = counter;
    upstream.attachTunnel(this);
    receiving.resume();
    if (this.#clientEnded) upstream.end();
  }

  /** Nothing waits for the client any more. */
  onSendable(): void {
    if (this.#upstreamEnded) this.#endSending();
    else this.#upstream?.resume();
  }

  /** The stream is gone: what the back end's side says from here on is no news, and must not look like the cause. */
  close(): void {
    const upstream = this.#upstream;
    this.#upstream = null;
    upstream?.destroy();
  }

  // From the back end.

  write(chunk: Buffer): boolean {
    if (this.#counter !== null) this.#counter.responseBytes += chunk.length;
    this.#sending.write(chunk, 0, chunk.length);
    if (this.#sending.flush()) return true;
    this.#listener.onTunnelStalled();
    return false;
  }

  end(): void {
    this.#upstreamEnded = true;
    if (this.#sending.isWaiting) this.#listener.onTunnelStalled();
    else this.#endSending();
  }

  destroy(): void {
    // Both had ended: the client still gets what waits for it.
    if (this.isOpen && !(this.#upstreamEnded && this.#clientEnded)) this.#listener.onTunnelOver(false);
  }

  pause(): void {
    this.#receiving?.pause();
  }

  resume(): void {
    this.#receiving?.resume();
  }

  // From the client.

  onBodyData(buffer: Buffer, start: number, end: number): void {
    if (this.#counter !== null) this.#counter.requestBytes += end - start;
    if (this.#upstream?.write(Buffer.from(buffer.subarray(start, end))) === false) this.#receiving?.pause();
  }

  onBodyEnd(): void {
    this.#clientEnded = true;
    this.#upstream?.end();
    if (this.#endSent) this.#listener.onTunnelOver(true);
  }

  /** Cannot happen: no length is announced. */
  onBodyBroken(): void {
    this.#listener.onTunnelOver(false);
  }

  #endSending(): void {
    if (this.#endSent) return;
    this.#endSent = true;
    this.#sending.end();
    if (this.#clientEnded) this.#listener.onTunnelOver(true);
  }
}
