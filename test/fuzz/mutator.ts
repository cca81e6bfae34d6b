/** Makes inputs: takes a seed, a generated message, or an earlier input that was treated in a new way, and damages it. */
import type { Random } from './random.ts';

const MAX_BYTES = 4_096;
const MAX_POOL = 2_048;
const CR = 13;
const LF = 10;
/** Bytes that mean something to some parser of HTTP. */
const BYTES = Buffer.from(
  '\0\x01\b\t\n\v\f\r\x1c\x1f !"#%&\'()*+,-./012345789:;<=>?@AZ[\\]^_`az{|}~\x7f\x80\x85\xa0\xff',
  'latin1',
);

export interface Dictionary {
  /** Put in anywhere. */
  readonly fragments: readonly Buffer[];
  /** Complete lines, put in between lines. */
  readonly lines: readonly Buffer[];
  /** A fresh message. */
  readonly compose: (random: Random) => string;
}

export class Mutator {
  readonly #random: Random;
  readonly #seeds: readonly Buffer[];
  readonly #dictionary: Dictionary;
  readonly #pool: Buffer[];
  readonly #bytes: Buffer;
  #length: number;

  constructor(random: Random, seeds: readonly Buffer[], dictionary: Dictionary) {
    this.#random = random;
    this.#seeds = seeds;
    this.#dictionary = dictionary;
    this.#pool = [];
    this.#bytes = Buffer.alloc(MAX_BYTES);
    this.#length = 0;
  }

  /** The next input, valid until the call after it. */
  next(): Buffer {
    this.#length = 0;
    if (this.#random.below(8) < 3) this.#length = this.#bytes.write(this.#dictionary.compose(this.#random), 'latin1');
    else this.#append(this.#base());
    for (let left = this.#random.below(5); left > 0; left--) this.#mutate();
    return this.#bytes.subarray(0, this.#length);
  }

  /** Keeps an input that led somewhere new as a base for others. */
  remember(input: Buffer): void {
    const copy = Buffer.from(input);
    if (this.#pool.length < MAX_POOL) this.#pool.push(copy);
    else this.#pool[this.#random.below(MAX_POOL)] = copy;
  }

  #base(): Buffer {
    const draw = this.#random.below(8);
    if (draw === 0) return Buffer.from(this.#dictionary.compose(this.#random), 'latin1');
    return draw < 5 && this.#pool.length > 0 ? this.#random.pick(this.#pool) : this.#random.pick(this.#seeds);
  }

  #mutate(): void {
    const random = this.#random;
    switch (random.below(14)) {
      case 0:
        if (this.#length > 0) this.#bytes[random.below(this.#length)] = random.below(256);
        break;
      case 1:
        if (this.#length > 0) this.#bytes[random.below(this.#length)] = this.#interestingByte();
        break;
      case 2:
        this.#insertByte(random.below(this.#length + 1));
        break;
      case 3:
        this.#insertByte(this.#besideLineEnd());
        break;
      case 4:
        this.#remove(random.below(this.#length + 1), 1 + random.below(random.oneIn(4) ? 32 : 3));
        break;
      case 5:
        this.#removeLine();
        break;
      case 6:
        this.#insert(random.below(this.#length + 1), random.pick(this.#dictionary.fragments));
        break;
      case 7:
      case 8:
        this.#insert(this.#lineStart(), random.pick(this.#dictionary.lines));
        break;
      case 9:
        this.#duplicate();
        break;
      case 10:
        this.#append(this.#base());
        break;
      case 11:
        this.#splice();
        break;
      case 12:
        this.#changeDigit();
        break;
      default:
        if (random.oneIn(4)) this.#stretch();
        else if (random.oneIn(2)) this.#length = random.below(this.#length + 1);
        else this.#removeLine();
    }
  }

  #interestingByte(): number {
    return BYTES[this.#random.below(BYTES.length)] as number;
  }

  #insertByte(at: number): void {
    if (!this.#makeRoom(at, 1)) return;
    this.#bytes[at] = this.#interestingByte();
  }

  #insert(at: number, piece: Buffer): void {
    if (this.#makeRoom(at, piece.length)) piece.copy(this.#bytes, at);
  }

  #append(piece: Buffer): void {
    this.#insert(this.#length, piece);
  }

  #makeRoom(at: number, count: number): boolean {
    if (this.#length + count > MAX_BYTES) return false;
    this.#bytes.copyWithin(at + count, at, this.#length);
    this.#length += count;
    return true;
  }

  #remove(at: number, count: number): void {
    const end = Math.min(this.#length, at + count);
    this.#bytes.copyWithin(at, end, this.#length);
    this.#length -= end - at;
  }

  #lineStart(): number {
    const at = this.#bytes.indexOf(LF, this.#random.below(this.#length + 1)) + 1;
    return at > this.#length ? 0 : at;
  }

  /** Before, inside or behind a CRLF: where parsers disagree most. */
  #besideLineEnd(): number {
    return Math.max(0, this.#lineStart() - this.#random.below(3));
  }

  #removeLine(): void {
    const start = this.#lineStart();
    const end = this.#bytes.indexOf(LF, start);
    if (end !== -1 && end < this.#length) this.#remove(start, end + 1 - start);
  }

  #duplicate(): void {
    const start = this.#lineStart();
    const count = Math.min(this.#length - start, 1 + this.#random.below(64));
    this.#insert(this.#lineStart(), Buffer.from(this.#bytes.subarray(start, start + count)));
  }

  /** The rest of another input instead of the own one. */
  #splice(): void {
    this.#length = this.#random.below(this.#length + 1);
    const other = this.#base();
    this.#append(other.subarray(this.#random.below(other.length + 1)));
  }

  #changeDigit(): void {
    for (let at = this.#random.below(this.#length + 1); at < this.#length; at++) {
      const byte = this.#bytes[at] as number;
      if (byte < 48 || byte > 57) continue;
      this.#bytes[at] = 48 + this.#random.below(10);
      return;
    }
  }

  /** Repeats one byte until some limit is near or passed. */
  #stretch(): void {
    const at = this.#random.below(this.#length + 1);
    const byte = this.#bytes[at] ?? CR;
    const count = this.#random.pick([2, 14, 64, 256, 260, 320, 1_500]);
    if (this.#makeRoom(at, count)) this.#bytes.fill(byte, at, at + count);
  }
}
