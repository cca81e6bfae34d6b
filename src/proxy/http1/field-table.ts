/**
 * The field lines of one message head as positions in its latin1 text: nothing is sliced that nobody asks for.
 * One table serves a whole worker and is valid until the next head is scanned. What a field means is decided by
 * `request-head.ts` and `response-head.ts`.
 * Hot: guarded by `bench/micro/head.bench.ts`.
 */
import { COLON, CR, FIELD_VALUE, HTAB, LF, SP, TOKEN } from './char-classes.ts';
import { HEAD_INCOMPLETE } from './head-end.ts';

/** What becomes of a field. Values above `DROP` are this table's users' own. */
export const PASS = 0;
export const DROP = 1;

const STRIDE = 4;
const NAME_START = 0;
const NAME_END = 1;
const VALUE_START = 2;
const VALUE_END = 3;

export class FieldTable {
  /** From the beginning of the head; given by whoever had it scanned. */
  text: string;
  count: number;
  /** Behind the empty line, in the bytes that were scanned. */
  headEnd: number;
  readonly kinds: Uint8Array;
  readonly #at: Int32Array;
  readonly #maxFields: number;
  /** `X_Real_IP` reaches many back ends as the same variable as `X-Real-IP` (CVE-2026-33433): requests lose such names. */
  readonly #dropUnderscores: boolean;

  constructor(maxFields: number, dropUnderscores: boolean) {
    this.text = '';
    this.count = 0;
    this.headEnd = 0;
    this.kinds = new Uint8Array(maxFields);
    this.#at = new Int32Array(maxFields * STRIDE);
    this.#maxFields = maxFields;
    this.#dropUnderscores = dropUnderscores;
  }

  /**
   * Scans the field lines from `position` and the empty line behind them. RFC 9112 §5, strict: no obs-fold, no space before the
   * colon, only CRLF ends a line. Over bytes, which takes half the time it takes over their text.
   * @param start where the head begins in `bytes`, from which positions in its text count
   * @param end of what was read
   * @returns 0, the status to refuse the message with (400, 431), or `HEAD_INCOMPLETE`
   */
  scan(bytes: Buffer, start: number, position: number, end: number): number {
    const at = this.#at;
    const kinds = this.kinds;
    let count = 0;
    let pos = position;
    for (;;) {
      // What stands behind is of others. The looks at the end below only spare work: whatever they miss ends here.
      if (pos + 1 >= end) return HEAD_INCOMPLETE;
      if (bytes[pos] === CR && bytes[pos + 1] === LF) break;
      if (count === this.#maxFields) return 431;
      const nameStart = pos;
      let seen = 0;
      for (; pos < end; pos++) {
        const cls = TOKEN[bytes[pos] as number] as number;
        if (cls === 0) break;
        seen |= cls;
      }
      if (pos === end) return HEAD_INCOMPLETE;
      if (pos === nameStart || bytes[pos] !== COLON) return 400;
      const base = count * STRIDE;
      at[base] = nameStart - start;
      at[base + NAME_END] = pos - start;
      pos++;
      while (pos < end && (bytes[pos] === SP || bytes[pos] === HTAB)) pos++;
      at[base + VALUE_START] = pos - start;
      const valueStart = pos;
      while (pos < end && FIELD_VALUE[bytes[pos] as number] === 1) pos++;
      if (pos + 1 >= end) return HEAD_INCOMPLETE;
      if (bytes[pos] !== CR || bytes[pos + 1] !== LF) return 400;
      let valueEnd = pos;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
      at[base + VALUE_END] = valueEnd - start;
      kinds[count] = (seen & 2) !== 0 && this.#dropUnderscores ? DROP : PASS;
      count++;
      pos += 2;
    }
    this.count = count;
    this.headEnd = pos + 2;
    return 0;
  }

  nameLength(index: number): number {
    const base = index * STRIDE;
    return (this.#at[base + NAME_END] as number) - (this.#at[base + NAME_START] as number);
  }

  /** Case-insensitive; `lowerCase` holds letters, digits and `-` only and has the length of the name. */
  nameEquals(index: number, lowerCase: string): boolean {
    return equalsIgnoringCase(this.text, this.#at[index * STRIDE] as number, lowerCase);
  }

  name(index: number): string {
    const base = index * STRIDE;
    return this.text.slice(this.#at[base + NAME_START], this.#at[base + NAME_END]);
  }

  /** Drops the fields with these names: each field is looked at once, however many names there are. */
  dropNamed(lowerCaseNames: ReadonlySet<string>): void {
    for (let index = 0; index < this.count; index++) {
      if (lowerCaseNames.has(this.name(index).toLowerCase())) this.kinds[index] = DROP;
    }
  }

  valueStart(index: number): number {
    return this.#at[index * STRIDE + VALUE_START] as number;
  }

  valueEnd(index: number): number {
    return this.#at[index * STRIDE + VALUE_END] as number;
  }

  value(index: number): string {
    return this.text.slice(this.#at[index * STRIDE + VALUE_START], this.#at[index * STRIDE + VALUE_END]);
  }

  /** The value; `known` itself where that is the same: comparing costs less than a copy that is compared later. */
  valueOr(index: number, known: string): string {
    const start = this.valueStart(index);
    const { length } = known;
    if (this.valueEnd(index) - start !== length) return this.value(index);
    for (let i = 0; i < length; i++) {
      if (this.text.charCodeAt(start + i) !== known.charCodeAt(i)) return this.value(index);
    }
    return known;
  }

  /** Case-insensitive comparison of a whole value; `lowerCase` holds letters, digits and `-` only. */
  valueEquals(index: number, lowerCase: string): boolean {
    const start = this.valueStart(index);
    return this.valueEnd(index) - start === lowerCase.length && equalsIgnoringCase(this.text, start, lowerCase);
  }

  /** All values of a field, joined with `, ` (RFC 9110 §5.3; cookies with `; `, RFC 9113 §8.2.3); null when it is absent. Names with `_` count as absent. */
  find(lowerCaseName: string): string | null {
    let found: string | null = null;
    const separator = lowerCaseName === 'cookie' ? '; ' : ', ';
    for (let index = 0; index < this.count; index++) {
      if (this.nameLength(index) !== lowerCaseName.length || !nameIs(this.name(index), lowerCaseName)) continue;
      if (hasUnderscore(this.name(index))) continue;
      found = found === null ? this.value(index) : found + separator + this.value(index);
    }
    return found;
  }

  /**
   * The fields of kind `PASS` as `name: value CRLF` lines. A line that already stands in the text exactly as it would be
   * written is taken over as part of one slice with its neighbours (4 × cheaper than joining parts: the bench above); any
   * other spelling is written anew. `leadStart` ≥ 0 names a validated start line to begin the first slice with.
   */
  toBlock(leadStart: number, leadEnd: number): string {
    const at = this.#at;
    const text = this.text;
    let block = '';
    let runStart = leadStart < 0 ? 0 : leadStart;
    let runEnd = leadStart < 0 ? 0 : leadEnd;
    for (let index = 0; index < this.count; index++) {
      if (this.kinds[index] !== PASS) continue;
      const base = index * STRIDE;
      const nameStart = at[base] as number;
      const nameEnd = at[base + NAME_END] as number;
      const valueStart = at[base + VALUE_START] as number;
      const valueEnd = at[base + VALUE_END] as number;
      const asWritten =
        valueStart === nameEnd + 2 && text.charCodeAt(nameEnd + 1) === SP && text.charCodeAt(valueEnd) === CR;
      if (asWritten) {
        if (runEnd !== nameStart) {
          if (runEnd !== runStart) block += text.slice(runStart, runEnd);
          runStart = nameStart;
        }
        runEnd = valueEnd + 2;
      } else {
        if (runEnd !== runStart) block += text.slice(runStart, runEnd);
        runStart = runEnd = 0;
        block += `${text.slice(nameStart, nameEnd)}: ${text.slice(valueStart, valueEnd)}\r\n`;
      }
    }
    return runEnd === runStart ? block : block + text.slice(runStart, runEnd);
  }
}

function equalsIgnoringCase(text: string, start: number, lowerCase: string): boolean {
  for (let i = 0; i < lowerCase.length; i++) {
    if ((text.charCodeAt(start + i) | 0x20) !== lowerCase.charCodeAt(i)) return false;
  }
  return true;
}

function nameIs(name: string, lowerCase: string): boolean {
  return name.toLowerCase() === lowerCase;
}

function hasUnderscore(name: string): boolean {
  return name.includes('_');
}
