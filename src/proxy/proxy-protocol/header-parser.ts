/**
 * Reads the PROXY protocol header at the start of a connection, version 1 or 2, from however many reads it arrives in.
 * Takes the bytes of the header and not one more; what they mean is left to `v1.ts` and `v2.ts`, and how long to wait for
 * them to the listener. An invalid header is found at the same byte whatever the reads were.
 */
import type { HeaderContent, ProxyAddresses } from './addresses.ts';
import { parseV1, V1_MAX_BYTES, V1_PREFIX } from './v1.ts';
import { parseV2, V2_FIXED_BYTES, V2_MAX_BYTES, V2_SIGNATURE, VERSION } from './v2.ts';

export type ProxyHeaderState = 'incomplete' | 'done' | 'invalid';

const CR = 13;
const LF = 10;
const PREFIX: Buffer = Buffer.from(V1_PREFIX);
const EMPTY: Buffer = Buffer.alloc(0);

export class ProxyHeaderParser {
  state: ProxyHeaderState;
  /** Null while not done, and when the header names nobody (LOCAL, UNKNOWN, no IP): keep the socket's addresses. */
  result: ProxyAddresses | null;
  /** Why the header is invalid; empty otherwise. */
  fault: string;
  #header: Buffer;
  #length: number;
  /** Bytes of a version 2 header; 0 until its length field is here. */
  #totalBytes: number;

  constructor() {
    this.state = 'incomplete';
    this.result = null;
    this.fault = '';
    this.#header = Buffer.allocUnsafe(V1_MAX_BYTES);
    this.#length = 0;
    this.#totalBytes = 0;
  }

  /**
   * Takes header bytes from `[offset, end)` of a read and copies them, so the chunk may be used again.
   * @returns how many it took: all of them while incomplete, none once done or invalid
   */
  append(chunk: Buffer, offset: number, end: number): number {
    let at = offset;
    while (this.state === 'incomplete' && at < end) {
      if (this.#totalBytes !== 0) at += this.#takeBlock(chunk, at, end);
      else this.#takeByte(chunk[at++] as number);
    }
    return at - offset;
  }

  #takeByte(byte: number): void {
    this.#header[this.#length++] = byte;
    const isText = this.#header[0] === PREFIX[0];
    const start = isText ? PREFIX : V2_SIGNATURE;
    if (this.#length <= start.length) {
      if (byte !== start[this.#length - 1]) this.#refuse('the connection does not begin with a PROXY protocol header');
    } else if (isText) this.#checkLine(byte);
    else this.#checkFixedBytes(byte);
  }

  #checkLine(byte: number): void {
    const before = this.#header[this.#length - 2];
    if (before === CR && byte === LF) this.#finish(parseV1(this.#header.toString('latin1', 0, this.#length - 2)));
    else if (before === CR || byte === LF) this.#refuse('the line must end with CR LF, and hold neither alone');
    else if (this.#length === V1_MAX_BYTES) this.#refuse(`no CR LF within ${V1_MAX_BYTES} bytes`);
  }

  #checkFixedBytes(byte: number): void {
    if (this.#length === V2_SIGNATURE.length + 1) {
      if (byte >> 4 !== VERSION) this.#refuse(`version ${byte >> 4} is not ${VERSION}`);
    } else if (this.#length === V2_FIXED_BYTES) {
      const total = V2_FIXED_BYTES + this.#header.readUInt16BE(14);
      if (total > V2_MAX_BYTES) this.#refuse(`a header of ${total} bytes is longer than ${V2_MAX_BYTES}`);
      else this.#expectBlock(total);
    }
  }

  #expectBlock(totalBytes: number): void {
    if (totalBytes > this.#header.length) {
      const start = this.#header;
      this.#header = Buffer.allocUnsafe(totalBytes);
      start.copy(this.#header, 0, 0, V2_FIXED_BYTES);
    }
    this.#totalBytes = totalBytes;
    if (totalBytes === V2_FIXED_BYTES) this.#finishBlock();
  }

  #takeBlock(chunk: Buffer, at: number, end: number): number {
    const taken = Math.min(this.#totalBytes - this.#length, end - at);
    chunk.copy(this.#header, this.#length, at, at + taken);
    this.#length += taken;
    if (this.#length === this.#totalBytes) this.#finishBlock();
    return taken;
  }

  #finishBlock(): void {
    this.#finish(parseV2(this.#header.subarray(0, this.#totalBytes)));
  }

  #finish({ addresses, fault }: HeaderContent): void {
    if (fault !== '') {
      this.#refuse(fault);
      return;
    }
    this.state = 'done';
    this.result = addresses;
    this.#header = EMPTY;
  }

  #refuse(fault: string): void {
    this.state = 'invalid';
    this.fault = fault;
    this.#header = EMPTY;
  }
}
