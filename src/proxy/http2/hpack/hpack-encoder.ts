/**
 * Fields to a header block (RFC 7541 §6), for one direction of one connection. Strings are written as they are: Huffman
 * codes would make a head a quarter smaller for several times the work, while what repeats becomes one byte anyway.
 * Hot: guarded by `bench/micro/hpack.bench.ts`.
 */
import { EncoderTable } from './encoder-table.ts';
import { findName, HANDLING, INDEXED, NEVER_INDEXED, staticIndexOf } from './known-names.ts';
import { readLatin1, writeLatin1 } from './latin1-text.ts';
import { STATIC_NAMES, STATIC_VALUES } from './static-table.ts';

/** The table's size before a peer says otherwise (RFC 9113 §6.5.2), and the most we use of what it allows. */
const TABLE_BYTES = 4096;

const INDEXED_FIELD = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;
const NEVER = 0x10;

/** The static table has values for names up to this index, `accept-encoding`. */
const LAST_STATIC_PAIR = 16;

const STATUS_NAME = 8;
const LAST_STATUS = 14;
const DIGIT_ZERO = 48;

/** By status: its index in the static table, 0 for none. */
const STATUS_INDEX: Uint8Array = new Uint8Array(1_000);
for (let index = STATUS_NAME; index <= LAST_STATUS; index++) STATUS_INDEX[Number(STATIC_VALUES[index])] = index;

/** An octet of representation, a name index or length, and a value's length, of 5 octets each at most. */
const LITERAL_OVERHEAD = 12;

/** The most bytes one field can take. */
export function encodedBound(nameLength: number, valueLength: number): number {
  return nameLength + valueLength + LITERAL_OVERHEAD;
}

export class HpackEncoder {
  /** Made when the first field is considered for it: many connections carry one request. */
  #table: EncoderTable | null;
  #maxTableBytes: number;
  /** Smallest size since the last block; -1 when the peer needs no update. */
  #smallestPending: number;

  constructor() {
    this.#table = null;
    this.#maxTableBytes = TABLE_BYTES;
    this.#smallestPending = -1;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE: takes effect with a size update at the next block (RFC 7541 §4.2). */
  limitTable(bytes: number): void {
    const limit = Math.min(bytes, TABLE_BYTES);
    if (limit === this.#maxTableBytes) return;
    this.#maxTableBytes = limit;
    this.#smallestPending = this.#smallestPending === -1 ? limit : Math.min(limit, this.#smallestPending);
  }

  /**
   * Starts a block. Takes 6 bytes at most.
   * @returns the new position, as the other methods do
   */
  begin(target: Buffer, position: number): number {
    const smallest = this.#smallestPending;
    if (smallest === -1) return position;
    this.#smallestPending = -1;
    this.#table?.resize(smallest);
    this.#table?.resize(this.#maxTableBytes);
    let pos = position;
    if (smallest < this.#maxTableBytes) pos = writeInteger(target, pos, SIZE_UPDATE, 0x1f, smallest);
    return writeInteger(target, pos, SIZE_UPDATE, 0x1f, this.#maxTableBytes);
  }

  /**
   * Takes 5 bytes at most.
   * @param status three digits
   */
  status(target: Buffer, position: number, status: number): number {
    const index = STATUS_INDEX[status] as number;
    if (index !== 0) {
      target[position] = INDEXED_FIELD | index;
      return position + 1;
    }
    target[position] = STATUS_NAME;
    target[position + 1] = 3;
    target[position + 2] = DIGIT_ZERO + Math.floor(status / 100);
    target[position + 3] = DIGIT_ZERO + (Math.floor(status / 10) % 10);
    target[position + 4] = DIGIT_ZERO + (status % 10);
    return position + 5;
  }

  /** @param name lower case. There must be room for `encodedBound` bytes. */
  field(target: Buffer, position: number, name: string, value: string): number {
    const number = findName(name);
    const staticIndex = staticIndexOf(number);
    if (staticIndex !== 0 && staticIndex <= LAST_STATIC_PAIR) {
      const pair = findPair(staticIndex, name, value);
      if (pair !== 0) {
        target[position] = INDEXED_FIELD | pair;
        return position + 1;
      }
    }
    const handling = HANDLING[number] as number;
    if (handling >= INDEXED && value !== '') return this.#indexedField(target, position, number, name, value);
    const representation = handling === NEVER_INDEXED ? NEVER : 0;
    return writeString(target, writeName(target, position, representation, staticIndex, name), value);
  }

  #indexedField(target: Buffer, position: number, number: number, name: string, value: string): number {
    this.#table ??= new EncoderTable(this.#maxTableBytes);
    const table = this.#table;
    const nameSlot = (HANDLING[number] as number) - INDEXED;
    const index = table.find(nameSlot, value);
    if (index !== 0) return writeInteger(target, position, INDEXED_FIELD, 0x7f, index);
    const adds = table.hasRoom(name.length, value.length) && table.isRepeated(nameSlot, value);
    const valueAt = writeName(target, position, adds ? INCREMENTAL : 0, staticIndexOf(number), name);
    const end = writeString(target, valueAt, value);
    if (adds) table.add(nameSlot, name.length, readLatin1(target, end - value.length, end));
    return end;
  }
}

function findPair(first: number, name: string, value: string): number {
  for (let index = first; STATIC_NAMES[index] === name; index++) {
    if (STATIC_VALUES[index] === value) return value === '' ? 0 : index;
  }
  return 0;
}

/** The start of a literal: its representation, and the name by its index or as it is. */
function writeName(
  target: Buffer,
  position: number,
  representation: number,
  staticIndex: number,
  name: string,
): number {
  const mask = representation === INCREMENTAL ? 0x3f : 0x0f;
  const pos = writeInteger(target, position, representation, mask, staticIndex);
  return staticIndex === 0 ? writeString(target, pos, name) : pos;
}

function writeString(target: Buffer, position: number, text: string): number {
  return writeLatin1(target, writeInteger(target, position, 0, 0x7f, text.length), text);
}

/** RFC 7541 §5.1. `mask` has the bits of the prefix. */
function writeInteger(target: Buffer, position: number, high: number, mask: number, value: number): number {
  if (value < mask) {
    target[position] = high | value;
    return position + 1;
  }
  target[position] = high | mask;
  let pos = position + 1;
  let rest = value - mask;
  while (rest >= 0x80) {
    target[pos++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[pos] = rest;
  return pos + 1;
}
