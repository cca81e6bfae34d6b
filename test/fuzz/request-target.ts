/** Fuzzes what clients send: our request reader against llhttp, whole and split, and what we would forward. */
import { brokenRule, compareRequests } from './compare-requests.ts';
import { REQUEST_DICTIONARY } from './dictionary.ts';
import { type Finding, failure } from './finding.ts';
import { compareSplit, drawCuts, everyCut, type FuzzTarget, guarded } from './fuzz-target.ts';
import { largestAllocation } from './largest-allocation.ts';
import type { Llhttp } from './llhttp.ts';
import type { Dictionary } from './mutator.ts';
import type { Random } from './random.ts';
import { LIMITS, RequestSubject } from './request-subject.ts';
import { CLOSED, type ParsedMessage, type Trace } from './trace.ts';

/** A head and the empty lines before it, doubled once by the growth of the buffer. */
const MAX_BUFFER_BYTES = 2 * (LIMITS.maxHeadBytes + 8);

/** A line without a space behind its colon is forwarded with one, so that a head may be longer than what was accepted. */
const NEXT_LIMITS = { ...LIMITS, maxHeadBytes: LIMITS.maxHeadBytes + LIMITS.maxFields };

export class RequestTarget implements FuzzTarget {
  readonly dictionary: Dictionary = REQUEST_DICTIONARY;
  readonly #llhttp: Llhttp;
  readonly #subject: RequestSubject;
  readonly #second: RequestSubject;
  /** Reads what is forwarded. */
  readonly #next: RequestSubject;
  #ours: Trace | null;
  #theirs: Trace | null;

  constructor(llhttp: Llhttp) {
    this.#llhttp = llhttp;
    this.#subject = new RequestSubject();
    this.#second = new RequestSubject();
    this.#next = new RequestSubject(NEXT_LIMITS);
    this.#ours = null;
    this.#theirs = null;
  }

  get readings(): string {
    return `sluice  ${this.#ours?.summary()}\nllhttp  ${this.#theirs?.summary()}`;
  }

  get signature(): string {
    return `${this.#ours?.shape()} ${this.#theirs?.shape()}`;
  }

  get reading(): string {
    return this.#ours?.summary() ?? '';
  }

  judge(bytes: Buffer, random: Random): Finding {
    return guarded(() => {
      const draw = random.below(16);
      let finding = this.#compare(bytes, draw === 0);
      if (finding.kind !== 'failure' && draw === 0) finding = this.#checkForwarded() ?? finding;
      if (finding.kind !== 'failure' && draw === 1) finding = this.#checkRules(bytes) ?? finding;
      if (finding.kind !== 'failure' && draw < 5) {
        finding = this.#checkSplit(bytes, drawCuts(bytes.length, random), random.oneIn(2)) ?? finding;
      }
      return finding;
    });
  }

  judgeThoroughly(bytes: Buffer): Finding {
    return guarded(() => {
      const finding = this.#compare(bytes, true);
      if (finding.kind === 'failure') return finding;
      const other = this.#checkForwarded() ?? this.#checkRules(bytes);
      if (other !== null) return other;
      const all = everyCut(bytes.length);
      for (const cuts of [[], all, ...all.map((cut) => [cut])]) {
        const split = this.#checkSplit(bytes, cuts, false) ?? this.#checkSplit(bytes, cuts, true);
        if (split !== null) return split;
      }
      return finding;
    });
  }

  #compare(bytes: Buffer, keepForwarded: boolean): Finding {
    this.#ours = null;
    largestAllocation.bytes = 0;
    this.#subject.keepForwarded = keepForwarded;
    const theirs = this.#llhttp.requests(bytes);
    this.#theirs = theirs;
    const ours = this.#subject.run(bytes, [], false);
    this.#ours = ours;
    return compareRequests(bytes, ours, theirs, this.#llhttp.methods);
  }

  #checkRules(bytes: Buffer): Finding | null {
    const rule = brokenRule(bytes, this.#ours as Trace);
    return rule === null ? null : failure(rule);
  }

  #checkSplit(bytes: Buffer, cuts: readonly number[], answerAtOnce: boolean): Finding | null {
    const split = this.#second.run(bytes, cuts, answerAtOnce);
    if (largestAllocation.bytes > MAX_BUFFER_BYTES) return failure(`a head buffer of ${largestAllocation.bytes} bytes`);
    return compareSplit(this.#ours as Trace, split, cuts);
  }

  /** What we would send must be one message to any reader, with the same meaning. */
  #checkForwarded(): Finding | null {
    const ours = this.#ours as Trace;
    for (const [index, text] of this.#subject.forwarded.entries()) {
      const accepted = ours.messages[index] as ParsedMessage;
      if (!this.#llhttp.methods.has(accepted.verb)) continue;
      const bytes = Buffer.from(text, 'latin1');
      const read = this.#llhttp.requests(bytes);
      const [message] = read.messages;
      const isWhole = read.messages.length === 1 && (message?.complete === false || message?.end === bytes.length);
      if (!isWhole || read.ending === CLOSED) return failure(`forwarded ${JSON.stringify(text)}: ${read.summary()}`);
      if (message?.verb !== accepted.verb || message.target !== accepted.target) {
        return failure(`forwarded ${JSON.stringify(text)} for ${accepted.verb} ${accepted.target}`);
      }
      // The empty Host of an HTTP/1.0 request is right (RFC 9112 §3.2), but nothing we would accept.
      if (/^[^\r]*\r\nHost: \r\n/.test(text) && text.split(/\r\nhost:/i).length === 2) continue;
      const again = this.#next.run(bytes, [], false);
      if (again.messages[0]?.target !== accepted.target)
        return failure(`would refuse what it forwards: ${JSON.stringify(text)}`);
    }
    return null;
  }
}
