/** What a reader of frames tells its session, in the order of the bytes. */

/** Buffers are valid during the call only. */
export interface FrameSink {
  /** A DATA frame begins. Its whole payload counts for flow control, padding included (RFC 9113 §6.9.1). */
  onDataHead(streamId: number, payloadBytes: number): void;
  onDataPiece(buffer: Buffer, start: number, end: number): void;
  onDataEnd(endStream: boolean): void;
  /** A complete field block: HEADERS and its CONTINUATION frames. */
  onFieldBlock(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): void;
  onReset(streamId: number, code: number): void;
  /** Not an acknowledgement; whole entries of six bytes. */
  onSettings(buffer: Buffer, start: number, end: number): void;
  onSettingsAck(): void;
  /** Eight bytes from `start`. */
  onPing(ack: boolean, buffer: Buffer, start: number): void;
  onGoaway(lastStreamId: number, code: number): void;
  /** @param increment at least 1 */
  onWindowUpdate(streamId: number, increment: number): void;
  /** PRIORITY, and types we do not know: read over (RFC 9113 §4.1, §5.3.2). */
  onIgnored(type: number): void;
  /** A frame that is wrong for its stream alone. */
  onStreamError(streamId: number, code: number): void;
  /** Nothing more can be read from this peer. */
  onConnectionError(code: number, reason: string): void;
}
