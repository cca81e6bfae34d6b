/**
 * Header blocks to fields (RFC 7541 §6), for one direction of one connection. Whether the fields make sense is for the
 * head that takes them.
 * Hot: a block of a warm connection is mostly indices, and those allocate nothing. Guarded by `bench/micro/hpack.bench.ts`.
 */
import { DecoderTable } from './decoder-table.ts';
import { decodeHuffman } from './huffman.ts';
import { readLatin1 } from './latin1-text.ts';
import { ENTRY_OVERHEAD, STATIC_ENTRIES, STATIC_NAMES, STATIC_VALUES } from './static-table.ts';

const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;
const HUFFMAN = 0x80;

/** Continuation bytes of an integer that are read: enough for 2^28, and no more, so that zeros cannot go on for ever. */
const MAX_CONTINUATION_BITS = 28;

/** The shortest code has 5 bits. */
const HUFFMAN_GROWTH = 8 / 5;

/** Decoding is synchronous, so one serves all; it grows to what is needed and never beyond the limits of a decoder. */
let scratch: Buffer = Buffer.allocUnsafeSlow(1024);

export class HpackDecoder {
  /** Set by `decode`: the list is longer than the limits. The table is in step all the same; fields beyond are not kept. */
  oversized: boolean;
  readonly #table: DecoderTable;
  readonly #maxTableBytes: number;
  readonly #maxListBytes: number;
  readonly #maxFields: number;
  /** Longest string that is made. One above it fits neither in a list nor in the table. */
  readonly #maxStringBytes: number;
  #position: number;
  #end: number;
  /** The string last read was longer than `#maxStringBytes` and is missing. */
  #stringLost: boolean;

  /**
   * @param maxTableBytes what we announce as SETTINGS_HEADER_TABLE_SIZE; not below its default of 4096, which a peer uses before it has read ours
   * @param maxListBytes of names, values and 32 for each field, as SETTINGS_MAX_HEADER_LIST_SIZE counts
   */
  constructor(maxTableBytes: number, maxListBytes: number, maxFields: number) {
    this.oversized = false;
    this.#table = new DecoderTable(maxTableBytes);
    this.#maxTableBytes = maxTableBytes;
    this.#maxListBytes = maxListBytes;
    this.#maxFields = maxFields;
    this.#maxStringBytes = Math.max(maxListBytes, maxTableBytes);
    this.#position = 0;
    this.#end = 0;
    this.#stringLost = false;
  }

  /**
   * Decodes one complete block, `bytes[start, end)`. Names and values replace what is in `fields`, by turns.
   * @returns false on an error: the connection cannot go on (COMPRESSION_ERROR, RFC 9113 §4.3)
   */
  decode(bytes: Buffer, start: number, end: number, fields: string[]): boolean {
    this.oversized = false;
    this.#position = start;
    this.#end = end;
    const count = this.#decodeFields(bytes, fields);
    // Shortened at the end, not emptied at the start: an empty array would give its storage back, for each block.
    const length = Math.max(count, 0);
    if (fields.length > length) fields.length = length;
    return count !== -1;
  }

  /** @returns how many strings are in `fields`; -1 on an error */
  #decodeFields(bytes: Buffer, fields: string[]): number {
    if (!this.#sizeUpdates(bytes)) return -1;
    let count = 0;
    let listBytes = 0;
    let name = '';
    let value = '';
    while (this.#position < this.#end) {
      const first = bytes[this.#position] as number;
      this.#stringLost = false;
      if (first >= INDEXED) {
        const index = this.#integer(bytes, 0x7f);
        if (index < 1 || index > STATIC_ENTRIES + this.#table.count) return -1;
        if (index <= STATIC_ENTRIES) {
          name = STATIC_NAMES[index] as string;
          value = STATIC_VALUES[index] as string;
        } else {
          name = this.#table.name(index - STATIC_ENTRIES - 1);
          value = this.#table.value(index - STATIC_ENTRIES - 1);
        }
      } else {
        const indexing = first >= INCREMENTAL;
        // Updates belong to the start of a block (RFC 7541 §4.2).
        if (!indexing && first >= SIZE_UPDATE) return -1;
        const found = this.#literalName(bytes, indexing ? 0x3f : 0x0f);
        if (found === null) return -1;
        name = found;
        const text = this.#string(bytes);
        if (text === null) return -1;
        value = text;
        if (indexing) this.#addEntry(name, value);
      }
      listBytes += name.length + value.length + ENTRY_OVERHEAD;
      if (this.oversized || this.#isTooMuch(listBytes, count)) {
        this.oversized = true;
        continue;
      }
      fields[count] = name;
      fields[count + 1] = value;
      count += 2;
    }
    return count;
  }

  #isTooMuch(listBytes: number, count: number): boolean {
    return listBytes > this.#maxListBytes || count >= this.#maxFields * 2 || this.#stringLost;
  }

  #addEntry(name: string, value: string): void {
    // A string that was not made is longer than the table: such an entry empties it.
    if (this.#stringLost) this.#table.clear();
    else this.#table.add(name, value);
  }

  #sizeUpdates(bytes: Buffer): boolean {
    while (this.#position < this.#end && ((bytes[this.#position] as number) & 0xe0) === SIZE_UPDATE) {
      const size = this.#integer(bytes, 0x1f);
      if (size === -1 || size > this.#maxTableBytes) return false;
      this.#table.resize(size);
    }
    return true;
  }

  /** @returns null on an error */
  #literalName(bytes: Buffer, mask: number): string | null {
    const index = this.#integer(bytes, mask);
    if (index === 0) return this.#string(bytes);
    if (index === -1 || index > STATIC_ENTRIES + this.#table.count) return null;
    return index <= STATIC_ENTRIES ? (STATIC_NAMES[index] as string) : this.#table.name(index - STATIC_ENTRIES - 1);
  }

  /**
   * An integer whose prefix is the bits of `mask` (RFC 7541 §5.1).
   * @returns -1 if it is cut off or too large
   */
  #integer(bytes: Buffer, mask: number): number {
    let position = this.#position;
    let value = (bytes[position++] as number) & mask;
    if (value === mask) {
      let shift = 0;
      let byte = 0x80;
      while (byte >= 0x80) {
        if (position === this.#end || shift === MAX_CONTINUATION_BITS) return -1;
        byte = bytes[position++] as number;
        value += (byte & 0x7f) << shift;
        shift += 7;
      }
    }
    this.#position = position;
    return value;
  }

  /** @returns null on an error */
  #string(bytes: Buffer): string | null {
    if (this.#position === this.#end) return null;
    const coded = (bytes[this.#position] as number) >= HUFFMAN;
    const length = this.#integer(bytes, 0x7f);
    if (length === -1 || length > this.#end - this.#position) return null;
    const start = this.#position;
    this.#position = start + length;
    if (coded) return this.#codedString(bytes, start, start + length);
    if (length <= this.#maxStringBytes) return readLatin1(bytes, start, start + length);
    this.#stringLost = true;
    return '';
  }

  #codedString(bytes: Buffer, start: number, end: number): string | null {
    const room = Math.min(Math.ceil((end - start) * HUFFMAN_GROWTH), this.#maxStringBytes);
    if (room > scratch.length) scratch = Buffer.allocUnsafeSlow(room);
    const length = decodeHuffman(bytes, start, end, scratch, room);
    if (length === -1) return null;
    if (length <= room) return readLatin1(scratch, 0, length);
    this.#stringLost = true;
    return '';
  }
}
