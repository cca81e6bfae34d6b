/**
 * The dynamic table as an encoder keeps it (RFC 7541 §2.3.2, §4): not the entries in order, only what finds one again and
 * what tells when it has left. Bounded by the table's size: values that left are forgotten.
 * Hot: guarded by `bench/micro/hpack.bench.ts`.
 */
import { INDEXED_COUNT } from './known-names.ts';
import { ENTRY_OVERHEAD, STATIC_ENTRIES } from './static-table.ts';

/** Values that are remembered of one name. */
const WAYS = 2;

/** A ring for all entries that fit into the largest table, which is 4096 bytes. */
const RING_MASK = 127;

export class EncoderTable {
  maxBytes: number;
  #bytes: number;
  #count: number;
  /** Entries ever added; wraps, and only differences are used. */
  #added: number;
  /** By slot: a value in the table, or '' for none. */
  readonly #values: string[];
  /** By slot: `#added` when it was. */
  readonly #sequences: Int32Array;
  /** By name: a sketch of the value that last came and was not in the table. */
  readonly #sketches: Int32Array;
  /** By sequence: size and slot of the entry. */
  readonly #entryBytes: Uint16Array;
  readonly #entrySlots: Uint8Array;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
    this.#bytes = 0;
    this.#count = 0;
    this.#added = 0;
    this.#values = Array.from({ length: INDEXED_COUNT * WAYS }, () => '');
    this.#sequences = new Int32Array(INDEXED_COUNT * WAYS);
    this.#sketches = new Int32Array(INDEXED_COUNT);
    this.#entryBytes = new Uint16Array(RING_MASK + 1);
    this.#entrySlots = new Uint8Array(RING_MASK + 1);
  }

  /**
   * @param nameSlot below `INDEXED_COUNT`
   * @param value not empty
   * @returns the index of the entry, 0 if there is none
   */
  find(nameSlot: number, value: string): number {
    const slot = nameSlot * WAYS;
    if (this.#values[slot] === value) return this.#indexOf(slot);
    return this.#values[slot + 1] === value ? this.#indexOf(slot + 1) : 0;
  }

  /**
   * Whether an absent value came twice in a row, which is when it begins to pay to add it. Values that look alike pass for
   * equal: a `date` of the next second is worth adding too.
   */
  isRepeated(nameSlot: number, value: string): boolean {
    const { length } = value;
    const last = value.charCodeAt(length - 1) | (value.charCodeAt(length >> 2) << 8);
    const sketch = (length << 24) ^ (value.charCodeAt(length >> 1) << 16) ^ last;
    if (this.#sketches[nameSlot] === sketch) return true;
    this.#sketches[nameSlot] = sketch;
    return false;
  }

  /** Whether an entry of this size may be added without emptying most of the table. */
  hasRoom(nameLength: number, valueLength: number): boolean {
    return (nameLength + valueLength + ENTRY_OVERHEAD) * 4 <= this.maxBytes;
  }

  /** @param value not a part of a longer string, which it would keep alive */
  add(nameSlot: number, nameLength: number, value: string): void {
    const bytes = nameLength + value.length + ENTRY_OVERHEAD;
    this.#evictTo(this.maxBytes - bytes);
    const slot = this.#olderSlot(nameSlot * WAYS);
    const place = this.#added & RING_MASK;
    this.#values[slot] = value;
    this.#sequences[slot] = this.#added;
    this.#entryBytes[place] = bytes;
    this.#entrySlots[place] = slot;
    this.#added = (this.#added + 1) | 0;
    this.#count++;
    this.#bytes += bytes;
  }

  resize(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.#evictTo(maxBytes);
  }

  #indexOf(slot: number): number {
    return STATIC_ENTRIES + ((this.#added - (this.#sequences[slot] as number)) | 0);
  }

  #olderSlot(slot: number): number {
    if (this.#values[slot] === '') return slot;
    if (this.#values[slot + 1] === '') return slot + 1;
    return this.#indexOf(slot) > this.#indexOf(slot + 1) ? slot : slot + 1;
  }

  #evictTo(bytes: number): void {
    while (this.#count > 0 && this.#bytes > bytes) {
      const sequence = (this.#added - this.#count) | 0;
      const slot = this.#entrySlots[sequence & RING_MASK] as number;
      // The slot may hold a newer value of this name by now.
      if (this.#sequences[slot] === sequence) this.#values[slot] = '';
      this.#bytes -= this.#entryBytes[sequence & RING_MASK] as number;
      this.#count--;
    }
  }
}
