/** The two ends of a connection that left HTTP (WebSocket and other upgrades): bytes, back-pressure, half-close, idle time. */
import type { Socket } from 'node:net';
import type { SocketWriter } from './socket-writer.ts';

/** The side towards the back end, as the client's side sees it. */
export interface UpstreamTunnel {
  /** Who gets what the back end sends; called once, while `startTunnel` is handled. */
  attachTunnel(tunnel: DownstreamTunnel): void;
  /** False: stop reading the client until `resumeRequest`. */
  write(chunk: Buffer): boolean;
  /** The client will send nothing more. */
  end(): void;
  destroy(): void;
  /** Stop and resume reading the back end. */
  pause(): void;
  resume(): void;
}

/** The side towards the client, as the back end's side sees it. */
export interface DownstreamTunnel {
  /** The chunk is the receiver's to keep. False: stop reading the back end until its `resume`. */
  write(chunk: Buffer): boolean;
  end(): void;
  destroy(): void;
  pause(): void;
  resume(): void;
}

const NOWHERE: DownstreamTunnel = { write: () => true, end: ignore, destroy: ignore, pause: ignore, resume: ignore };

function ignore(): void {}

/** Nobody wants what the back end switched to. */
export function refuseTunnel(tunnel: UpstreamTunnel): void {
  tunnel.attachTunnel(NOWHERE);
  tunnel.destroy();
}

/** The client's socket as the back end's side sees it. */
export class ClientTunnelEnd implements DownstreamTunnel {
  readonly #socket: Socket;
  readonly #writer: SocketWriter;
  readonly #counter: { responseBytes: number } | null;
  readonly #onDestroy: () => void;

  constructor(socket: Socket, writer: SocketWriter, counter: { responseBytes: number } | null, onDestroy: () => void) {
    this.#socket = socket;
    this.#writer = writer;
    this.#counter = counter;
    this.#onDestroy = onDestroy;
  }

  write(chunk: Buffer): boolean {
    if (this.#counter !== null) this.#counter.responseBytes += chunk.length;
    return this.#writer.writeBuffer(chunk, chunk.length);
  }

  end(): void {
    this.#writer.end(null);
  }

  destroy(): void {
    this.#onDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

/**
 * Closes one side after the other is gone. A side that was told to end still sends what it has, as long as its peer reads:
 * when both have said their last word, the faster one must not cut the slower one short.
 */
export function closeTunnelSocket(socket: Socket, toldToEnd: boolean, stallLimitMs: number): void {
  if (!toldToEnd || socket.writableFinished) {
    socket.destroy();
    return;
  }
  const destroy = (): void => {
    socket.destroy();
  };
  socket.setTimeout(stallLimitMs, destroy);
  socket.once('finish', destroy);
}
