/** Fuzzes what back ends send: our upstream connection against llhttp, whole and split, and what we would pass on. */
import { compareResponses } from './compare-responses.ts';
import { RESPONSE_DICTIONARY } from './dictionary.ts';
import { type Finding, failure } from './finding.ts';
import { compareSplit, drawCuts, everyCut, type FuzzTarget, guarded } from './fuzz-target.ts';
import type { Llhttp } from './llhttp.ts';
import type { Dictionary } from './mutator.ts';
import type { Random } from './random.ts';
import type { Asked } from './response-rules.ts';
import { ResponseSubject } from './response-subject.ts';
import { CLOSED, REFUSED, type Trace } from './trace.ts';

export class ResponseTarget implements FuzzTarget {
  readonly dictionary: Dictionary = RESPONSE_DICTIONARY;
  readonly #asked: Asked;
  readonly #llhttp: Llhttp;
  readonly #subject: ResponseSubject;
  readonly #second: ResponseSubject;
  #ours: Trace | null;
  #theirs: Trace | null;
  /** llhttp agreed with us on the last input. */
  #sameReading: boolean;

  constructor(llhttp: Llhttp, asked: Asked) {
    this.#llhttp = llhttp;
    this.#asked = asked;
    this.#subject = new ResponseSubject();
    this.#second = new ResponseSubject();
    this.#ours = null;
    this.#theirs = null;
    this.#sameReading = false;
  }

  get readings(): string {
    return `sluice  ${this.reading}\nllhttp  ${this.#theirs?.summary()}`;
  }

  get signature(): string {
    return `${this.#ours?.shape()} ${this.#theirs?.shape()}`;
  }

  get reading(): string {
    return `${this.#ours?.summary()}${this.#subject.reusable ? ', reusable' : ''}`;
  }

  judge(bytes: Buffer, random: Random): Finding {
    return guarded(() => {
      const draw = random.below(16);
      let finding = this.#compare(bytes, draw === 0);
      if (finding.kind !== 'failure' && draw === 0) finding = this.#checkForwarded() ?? finding;
      if (finding.kind !== 'failure' && draw < 5)
        finding = this.#checkSplit(bytes, drawCuts(bytes.length, random)) ?? finding;
      return finding;
    });
  }

  judgeThoroughly(bytes: Buffer): Finding {
    return guarded(() => {
      const finding = this.#compare(bytes, true);
      if (finding.kind === 'failure') return finding;
      const other = this.#checkForwarded();
      if (other !== null) return other;
      const all = everyCut(bytes.length);
      for (const cuts of [all, ...all.map((cut) => [cut])]) {
        const split = this.#checkSplit(bytes, cuts);
        if (split !== null) return split;
      }
      return finding;
    });
  }

  #compare(bytes: Buffer, keepForwarded: boolean): Finding {
    this.#ours = null;
    this.#subject.keepForwarded = keepForwarded;
    const theirs = this.#llhttp.response(bytes, this.#asked === 'head');
    this.#theirs = theirs;
    const ours = this.#subject.run(bytes, this.#asked, []);
    this.#ours = ours;
    const finding = compareResponses(bytes, this.#asked, ours, theirs);
    this.#sameReading = finding.kind === 'same';
    if (finding.kind !== 'same' || ours.ending === REFUSED) return finding;
    const end = theirs.last?.end ?? -1;
    const mayBeReused = end === bytes.length && ours.last?.keepAlive === true;
    if (this.#subject.reusable && !mayBeReused)
      return failure('a connection with bytes left over goes back to the pool');
    return finding;
  }

  /** Also cuts right before and at the end llhttp sees, because only a read that ends there shows where ours is. */
  #checkSplit(bytes: Buffer, cuts: readonly number[]): Finding | null {
    const ours = this.#ours as Trace;
    const end = ours.ending === CLOSED && this.#sameReading ? (this.#theirs?.last?.end ?? -1) : -1;
    const ends = [end - 1, end].filter((cut) => cut > 0 && cut < bytes.length);
    const places = [...new Set([...cuts, ...ends])].toSorted((a, b) => a - b);
    const split = this.#second.run(bytes, this.#asked, places);
    const splitEnd = split.last?.end ?? -1;
    if (ours.last !== null) ours.last.end = -1;
    const difference = compareSplit(ours, split, places);
    if (difference !== null || end === -1) return difference;
    return splitEnd === end ? null : failure(`a response ends at ${splitEnd}, and for llhttp at ${end}`);
  }

  #checkForwarded(): Finding | null {
    for (const text of this.#subject.forwarded) {
      const read = this.#llhttp.response(Buffer.from(text, 'latin1'), true);
      if (read.messages.length === 1 && read.ending !== REFUSED) continue;
      return failure(`passed on ${JSON.stringify(text)}: ${read.summary()}`);
    }
    return null;
  }
}
