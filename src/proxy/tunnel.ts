/** The two ends of a connection that left HTTP (WebSocket and other upgrades): bytes, back-pressure, half-close, idle time. */

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
