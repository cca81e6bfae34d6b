/**
 * Decoder of the chunked coding (RFC 9112 §7.1) as a state machine over bytes: any split gives the same result, work is
 * linear, and memory is constant because chunk extensions and trailers are checked and thrown away. What small chunks hold
 * is moved together, because a peer that sends one byte a chunk must not cost a write for each.
 */
import { CR, FIELD_VALUE, HEX_VALUE, HTAB, LF, SP, TOKEN } from './char-classes.ts';
import { EXTENSION_BROKEN, EXTENSION_START, EXTENSIONS_END, nextExtensionState } from './chunk-extension.ts';

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER_START = 6;
const TRAILER_NAME = 7;
const TRAILER_VALUE = 8;
const TRAILER_LF = 9;
const END_LF = 10;
const DONE = 11;

const MAX_SIZE_DIGITS = 13;
const MAX_LINE_BYTES = 256;
const MAX_TRAILER_BYTES = 8_192;
/** Extensions are overhead without use: a message whose extensions outgrow this is an attack (CVE-2023-39326). */
const MAX_EXTENSION_BYTES = 16_384;

/** Moving more than this costs more than handing it on by itself. */
const MAX_MOVED_BYTES = 1_024;

/** Receives the decoded bytes: `[start, end)` of the buffer given to `decode`, valid during the call only. */
export interface ChunkSink {
  onChunkData(buffer: Buffer, start: number, end: number): void;
}

export class ChunkedDecoder {
  done: boolean;
  #state: number;
  #size: number;
  #digits: number;
  #lineBytes: number;
  #trailerBytes: number;
  #extensionBytes: number;
  #extensionState: number;

  constructor() {
    this.done = false;
    this.#state = SIZE;
    this.#size = 0;
    this.#digits = 0;
    this.#lineBytes = 0;
    this.#trailerBytes = 0;
    this.#extensionBytes = 0;
    this.#extensionState = EXTENSION_START;
  }

  reset(): void {
    this.done = false;
    this.#state = SIZE;
    this.#size = 0;
    this.#digits = 0;
    this.#lineBytes = 0;
    this.#trailerBytes = 0;
    this.#extensionBytes = 0;
    this.#extensionState = EXTENSION_START;
  }

  /**
   * Bytes of `buffer` before the index returned may have been moved; the others are as they were.
   * @returns the index behind the last byte used (less than `end` only once `done`), or -1 when the coding is broken
   */
  decode(buffer: Buffer, start: number, end: number, sink: ChunkSink): number {
    let pos = start;
    // Decoded and not handed on yet.
    let dataStart = start;
    let dataEnd = start;
    let broken = false;
    while (pos < end && this.#state !== DONE && !broken) {
      if (this.#state !== DATA) {
        broken = !this.#step(buffer[pos++] as number);
        continue;
      }
      const take = Math.min(this.#size, end - pos);
      if (dataEnd > dataStart && take <= MAX_MOVED_BYTES) {
        buffer.copyWithin(dataEnd, pos, pos + take);
        dataEnd += take;
      } else {
        if (dataEnd > dataStart) sink.onChunkData(buffer, dataStart, dataEnd);
        dataStart = pos;
        dataEnd = pos + take;
      }
      this.#size -= take;
      pos += take;
      if (this.#size === 0) this.#state = DATA_CR;
    }
    if (dataEnd > dataStart) sink.onChunkData(buffer, dataStart, dataEnd);
    return broken ? -1 : pos;
  }

  #step(byte: number): boolean {
    switch (this.#state) {
      case SIZE:
        return this.#sizeByte(byte);
      case EXTENSION:
        return this.#extensionByte(byte);
      case SIZE_LF:
        if (byte !== LF) return false;
        this.#state = this.#size === 0 ? TRAILER_START : DATA;
        this.#digits = 0;
        this.#lineBytes = 0;
        return true;
      case DATA_CR:
        this.#state = DATA_LF;
        return byte === CR;
      case DATA_LF:
        this.#state = SIZE;
        return byte === LF;
      default:
        return this.#trailerByte(byte);
    }
  }

  #sizeByte(byte: number): boolean {
    const value = HEX_VALUE[byte] as number;
    if (value !== 255) {
      this.#size = this.#size * 16 + value;
      return ++this.#digits <= MAX_SIZE_DIGITS;
    }
    if (this.#digits === 0) return false;
    if (byte === CR) this.#state = SIZE_LF;
    // BWS may stand before the `;` of an extension only (RFC 9112 §7.1.1); a blank is refused: nobody sends it, smugglers do.
    else if (byte === 59) {
      this.#state = EXTENSION;
      this.#extensionState = EXTENSION_START;
    } else return false;
    return true;
  }

  #extensionByte(byte: number): boolean {
    this.#extensionState = nextExtensionState(this.#extensionState, byte);
    if (this.#extensionState === EXTENSION_BROKEN) return false;
    if (this.#extensionState === EXTENSIONS_END) this.#state = SIZE_LF;
    else if (++this.#lineBytes > MAX_LINE_BYTES) return false;
    return ++this.#extensionBytes <= MAX_EXTENSION_BYTES;
  }

  #trailerByte(byte: number): boolean {
    if (++this.#trailerBytes > MAX_TRAILER_BYTES) return false;
    switch (this.#state) {
      case TRAILER_START:
        if (byte === CR) this.#state = END_LF;
        else if (TOKEN[byte] !== 0) this.#state = TRAILER_NAME;
        else return false;
        return true;
      case TRAILER_NAME:
        if (byte === 58) this.#state = TRAILER_VALUE;
        else if (TOKEN[byte] === 0) return false;
        return true;
      case TRAILER_VALUE:
        if (byte === CR) this.#state = TRAILER_LF;
        else return FIELD_VALUE[byte] === 1 || byte === SP || byte === HTAB;
        return true;
      case TRAILER_LF:
        this.#state = TRAILER_START;
        return byte === LF;
      default:
        this.#state = DONE;
        this.done = true;
        return byte === LF;
    }
  }
}
