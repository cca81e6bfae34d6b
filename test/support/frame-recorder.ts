/** Reads bytes with our frame reader and keeps what it says, one line an event; pieces of DATA in a row are one. */
import { FrameReader } from '../../src/proxy/http2/frame-reader.ts';
import type { FrameSink } from '../../src/proxy/http2/frame-sink.ts';

export class FrameRecorder implements FrameSink {
  readonly reader: FrameReader;
  readonly events: string[];
  #data: string;

  constructor(expectPreface = false, maxBlockBytes = 65_536) {
    this.reader = new FrameReader(this, { expectPreface, maxBlockBytes });
    this.events = [];
    this.#data = '';
  }

  /** @param cuts ascending positions where a new read begins */
  static read(
    bytes: Buffer,
    cuts: readonly number[] = [],
    recorder: FrameRecorder = new FrameRecorder(),
  ): FrameRecorder {
    let start = 0;
    for (const end of [...cuts, bytes.length]) {
      // A buffer of its own, overwritten after the read: nothing may be kept of it.
      const piece = Buffer.from(bytes.subarray(start, end));
      recorder.reader.feed(piece, 0, piece.length);
      piece.fill(0xee);
      start = end;
    }
    return recorder;
  }

  onDataHead(streamId: number, payloadBytes: number): void {
    this.#data = `data ${streamId} of ${payloadBytes}: `;
  }

  onDataPiece(buffer: Buffer, start: number, end: number): void {
    this.#data += buffer.toString('latin1', start, end);
  }

  onDataEnd(endStream: boolean): void {
    this.#note(`${this.#data}${endStream ? ' end' : ''}`);
  }

  onFieldBlock(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): void {
    this.#note(`block ${streamId}: ${buffer.toString('latin1', start, end)}${endStream ? ' end' : ''}`);
  }

  onReset(streamId: number, code: number): void {
    this.#note(`reset ${streamId} ${code}`);
  }

  onSettings(buffer: Buffer, start: number, end: number): void {
    this.#note(`settings ${buffer.toString('hex', start, end)}`);
  }

  onSettingsAck(): void {
    this.#note('settings ack');
  }

  onPing(ack: boolean, buffer: Buffer, start: number): void {
    this.#note(`ping ${buffer.toString('latin1', start, start + 8)}${ack ? ' ack' : ''}`);
  }

  onGoaway(lastStreamId: number, code: number): void {
    this.#note(`goaway ${lastStreamId} ${code}`);
  }

  onWindowUpdate(streamId: number, increment: number): void {
    this.#note(`window ${streamId} ${increment}`);
  }

  onIgnored(type: number): void {
    this.#note(`ignored ${type}`);
  }

  onStreamError(streamId: number, code: number): void {
    this.#note(`stream error ${streamId} ${code}`);
  }

  onConnectionError(code: number, reason: string): void {
    this.#note(`connection error ${code}: ${reason}`);
  }

  #note(event: string): void {
    this.events.push(event);
  }
}
