/** Pseudo-random numbers for the hot path: integer xorshift32, which allocates nothing, unlike boxed doubles. */
export class Xorshift32 {
  #state: number;

  /** Any 32-bit integer. */
  constructor(seed: number) {
    // Multiplied, because the first numbers of small seeds are small too; never 0, which would stay 0.
    this.#state = Math.imul(seed, 0x9e3779b1) | 1;
  }

  /** Uniform in [0, 2^31). */
  draw(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 1;
  }
}
