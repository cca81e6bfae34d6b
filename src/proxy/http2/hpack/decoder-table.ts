/**
 * The dynamic table of a decoder (RFC 7541 §2.3.2, §4): entries in a ring, the newest first in the index space.
 * Hot: guarded by `bench/micro/hpack.bench.ts`.
 */
import { ENTRY_OVERHEAD } from './static-table.ts';

export class DecoderTable {
  count: number;
  /** What may be in the table now: the encoder chooses, up to what we announced. */
  maxBytes: number;
  #bytes: number;
  /** Where the next entry goes. */
  #next: number;
  readonly #mask: number;
  readonly #names: string[];
  readonly #values: string[];

  constructor(maxBytes: number) {
    this.count = 0;
    this.maxBytes = maxBytes;
    this.#bytes = 0;
    this.#next = 0;
    const maxEntries = Math.max(1, Math.floor(maxBytes / ENTRY_OVERHEAD));
    this.#mask = 2 ** Math.ceil(Math.log2(maxEntries)) - 1;
    this.#names = [];
    this.#values = [];
  }

  /** @param age 0 for the newest entry; below `count` */
  name(age: number): string {
    return this.#names[(this.#next - 1 - age) & this.#mask] as string;
  }

  value(age: number): string {
    return this.#values[(this.#next - 1 - age) & this.#mask] as string;
  }

  /** One that is larger than the table empties it, and that is no error (RFC 7541 §4.4). */
  add(name: string, value: string): void {
    const bytes = name.length + value.length + ENTRY_OVERHEAD;
    this.#evictTo(this.maxBytes - bytes);
    if (bytes > this.maxBytes) return;
    const place = this.#next & this.#mask;
    // The arrays grow by one place at a time up to the ring's size, so that a table nobody uses takes no memory.
    if (place === this.#names.length) {
      this.#names.push(name);
      this.#values.push(value);
    } else {
      this.#names[place] = name;
      this.#values[place] = value;
    }
    this.#next = (place + 1) & this.#mask;
    this.count++;
    this.#bytes += bytes;
  }

  clear(): void {
    this.#evictTo(0);
  }

  resize(maxBytes: number): void {
    this.maxBytes = maxBytes;
    this.#evictTo(maxBytes);
  }

  /** Emptied places keep no strings alive. */
  #evictTo(bytes: number): void {
    while (this.count > 0 && this.#bytes > bytes) {
      this.count--;
      const place = (this.#next - 1 - this.count) & this.#mask;
      this.#bytes -= (this.#names[place] as string).length + (this.#values[place] as string).length + ENTRY_OVERHEAD;
      this.#names[place] = '';
      this.#values[place] = '';
    }
  }
}
