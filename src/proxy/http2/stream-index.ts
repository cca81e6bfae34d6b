/**
 * The streams of one connection that are under way, by id. A `Map` would keep them beyond their end, as `model/roster.ts`
 * says of a `Set`. Ids come in steps of two, so those under way lie side by side here. Hot.
 */

/** A power of two. */
const INITIAL_SLOTS = 16;
/** Of a free slot; a stream has never this id (RFC 9113 §5.1.1). */
const FREE = 0;
const NONE: readonly never[] = [];

export class StreamIndex<Stream> {
  size: number;
  #mask: number;
  /** Whoever finds the slot of its id taken stands in the next free one; at most every second one is taken. */
  #ids: number[];
  #streams: (Stream | null)[];

  constructor() {
    this.size = 0;
    this.#mask = INITIAL_SLOTS - 1;
    this.#ids = Array.from({ length: INITIAL_SLOTS }, () => FREE);
    this.#streams = Array.from({ length: INITIAL_SLOTS }, () => null);
  }

  get(id: number): Stream | null {
    return this.#streams[this.#find(id)] as Stream | null;
  }

  /** @param id odd, and not in use */
  add(id: number, stream: Stream): void {
    if (2 * this.size > this.#mask) this.#grow();
    const at = this.#find(id);
    this.#ids[at] = id;
    this.#streams[at] = stream;
    this.size++;
  }

  /** Safe to call again. */
  remove(id: number): void {
    let free = this.#find(id);
    if (this.#ids[free] === FREE) return;
    this.size--;
    // Whoever had to go past the slot that is free now moves up, or it would not be found any more.
    for (let at = this.#after(free); this.#ids[at] !== FREE; at = this.#after(at)) {
      const own = this.#ownSlot(this.#ids[at] as number);
      if (((at - own) & this.#mask) < ((at - free) & this.#mask)) continue;
      this.#ids[free] = this.#ids[at] as number;
      this.#streams[free] = this.#streams[at] as Stream;
      free = at;
    }
    this.#ids[free] = FREE;
    this.#streams[free] = null;
  }

  /** As of now, in no order. */
  all(): readonly Stream[] {
    return this.size === 0 ? NONE : this.#streams.filter((stream) => stream !== null);
  }

  /** Its slot, or the free one where it would stand. */
  #find(id: number): number {
    let at = this.#ownSlot(id);
    for (let found = this.#ids[at]; found !== id && found !== FREE; found = this.#ids[at]) at = this.#after(at);
    return at;
  }

  #ownSlot(id: number): number {
    return (id >>> 1) & this.#mask;
  }

  #after(at: number): number {
    return (at + 1) & this.#mask;
  }

  #grow(): void {
    const ids = this.#ids;
    const streams = this.#streams;
    const slots = ids.length * 2;
    this.#mask = slots - 1;
    this.#ids = Array.from({ length: slots }, () => FREE);
    this.#streams = Array.from({ length: slots }, () => null);
    this.size = 0;
    for (const [at, id] of ids.entries()) if (id !== FREE) this.add(id, streams[at] as Stream);
  }
}
