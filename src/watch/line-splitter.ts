/**
 * Splits a byte stream into lines at 0x0A only: a JSON string may hold U+2028, where text-based readers would split.
 * A line is bounded, so a peer cannot make us buffer without end.
 */

export class LineTooLongError extends Error {
  override readonly name = 'LineTooLongError';

  constructor(maxLineBytes: number) {
    super(`a line of the watch stream is longer than ${maxLineBytes} bytes`);
  }
}

const NEWLINE = 0x0a;
const MAX_PARTS = 1024;

export class LineSplitter {
  readonly #maxLineBytes: number;
  #parts: Uint8Array[];
  #partBytes: number;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
    this.#parts = [];
    this.#partBytes = 0;
  }

  /** True when the stream so far ends inside a line. */
  get insideLine(): boolean {
    return this.#partBytes > 0;
  }

  /** The lines `chunk` completes, decoded, without their newline; empty lines are left out. */
  push(chunk: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    while (start < chunk.length) {
      const end = chunk.indexOf(NEWLINE, start);
      this.#keep(chunk.subarray(start, end === -1 ? chunk.length : end));
      if (end === -1) break;
      if (this.#partBytes > 0) lines.push(this.#takeLine());
      start = end + 1;
    }
    return lines;
  }

  #keep(part: Uint8Array): void {
    if (this.#partBytes + part.length > this.#maxLineBytes) throw new LineTooLongError(this.#maxLineBytes);
    if (part.length === 0) return;
    // One byte a chunk must not cost an object a byte.
    if (this.#parts.length >= MAX_PARTS) this.#parts = [Buffer.concat(this.#parts)];
    this.#parts.push(part);
    this.#partBytes += part.length;
  }

  #takeLine(): string {
    const [first, ...rest] = this.#parts;
    const whole = first !== undefined && rest.length === 0 ? toBuffer(first) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    return whole.toString('utf8');
  }
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
