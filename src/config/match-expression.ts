/**
 * The language of `canary-match`: tests of a request joined by `and`, `or` and `not`, of which `and` binds closer than `or`.
 *
 *     header:X-Team = blue and not (cookie:beta or source = 10.0.0.0/8) or query:v ~ "^2"
 *
 * A name alone asks whether there is such a value; `=` compares the whole of it, `^=` its beginning, and `~` searches a
 * pattern (RE2) in it. Text, tests and depth are bounded, because every request of the route pays for them.
 */
import type { RequestMatch, ValueOrigin, ValueTest } from '../model/canary.ts';
import { IP_NETWORK_FORM, isIpNetwork } from '../model/ip-networks.ts';
import { findPatternFault } from './request-pattern.ts';

const MAX_LENGTH = 1_024;
const MAX_TESTS = 32;
const MAX_DEPTH = 8;

const BLANK = /[ \t\n]*/y;
/** Brackets and operators, a quoted text, or a word. */
const PIECE = /[()]|\^=|[=~]|"(?:[^"\\]|\\["\\])*"|[^\s()=~"^]+/y;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const METHOD = /^[A-Z][A-Z-]{0,31}$/;

const TEST_FORM = 'header:NAME, cookie:NAME, query:NAME, method or source';
const OPERATORS: ReadonlyMap<string, ValueTest['test']> = new Map([
  ['=', 'exact'],
  ['^=', 'prefix'],
  ['~', 'pattern'],
]);
const KEYWORDS: ReadonlySet<string> = new Set(['and', 'or', 'not']);

/** @returns a problem says at which column what would be right */
export function parseMatchExpression(text: string): { readonly value: RequestMatch } | { readonly problem: string } {
  if (text.length > MAX_LENGTH) return { problem: `expected at most ${MAX_LENGTH} characters` };
  try {
    return { value: new Parser(text).parse() };
  } catch (error) {
    if (error instanceof Misfit) return { problem: error.message };
    throw error;
  }
}

/** Never leaves this file: it only unwinds the parser. */
class Misfit extends Error {}

class Parser {
  readonly #text: string;
  /** The piece under consideration; empty = the text is over. */
  #piece: string;
  #start: number;
  #end: number;
  #tests: number;

  constructor(text: string) {
    this.#text = text;
    this.#piece = '';
    this.#start = 0;
    this.#end = 0;
    this.#tests = 0;
    this.#advance();
  }

  parse(): RequestMatch {
    const match = this.#parseAny(0);
    if (!this.#isAt('')) throw this.#misfit('expected and, or, or the end');
    return match;
  }

  #parseAny(depth: number): RequestMatch {
    return this.#parseJoined('or', () => this.#parseJoined('and', () => this.#parseTerm(depth)));
  }

  #parseJoined(kind: 'and' | 'or', parseTerm: () => RequestMatch): RequestMatch {
    const first = parseTerm();
    const terms = [first];
    while (this.#isAt(kind)) {
      this.#advance();
      terms.push(parseTerm());
    }
    return terms.length === 1 ? first : { kind, terms };
  }

  #parseTerm(depth: number): RequestMatch {
    if (depth > MAX_DEPTH) throw this.#misfit(`expected at most ${MAX_DEPTH} levels of brackets and not`);
    if (this.#isAt('not')) {
      this.#advance();
      return { kind: 'not', term: this.#parseTerm(depth + 1) };
    }
    if (!this.#isAt('(')) return this.#parseTest();
    this.#advance();
    const match = this.#parseAny(depth + 1);
    if (!this.#isAt(')')) throw this.#misfit('expected and, or, or )');
    this.#advance();
    return match;
  }

  #parseTest(): RequestMatch {
    if (this.#tests++ >= MAX_TESTS) throw this.#misfit(`expected at most ${MAX_TESTS} tests`);
    const word = this.#piece;
    if (word === 'method' || word === 'source') return this.#parseListTest(word);
    const colon = word.indexOf(':');
    const of = word.slice(0, Math.max(0, colon));
    if (of !== 'header' && of !== 'cookie' && of !== 'query') throw this.#misfit(`expected ${TEST_FORM}`);
    const written = word.slice(colon + 1);
    if (of === 'query' ? written === '' : !TOKEN.test(written)) throw this.#misfit(`expected a name behind ${of}:`);
    this.#advance();
    return this.#parseValueTest(of, of === 'header' ? written.toLowerCase() : written);
  }

  #parseValueTest(of: ValueOrigin, name: string): RequestMatch {
    const test = OPERATORS.get(this.#piece);
    if (test === undefined) return { kind: 'value', of, name, test: 'present', value: '' };
    this.#advance();
    const value = this.#readValue();
    const fault = test === 'pattern' ? findPatternFault(value) : null;
    if (fault !== null) throw this.#misfit(`pattern cannot be used (${fault})`);
    this.#advance();
    return { kind: 'value', of, name, test, value };
  }

  #parseListTest(kind: 'method' | 'source'): RequestMatch {
    this.#advance();
    if (!this.#isAt('=')) throw this.#misfit(`expected = behind ${kind}`);
    this.#advance();
    const items = this.#readValue().split(',');
    if (kind === 'method') {
      if (!items.every((item) => METHOD.test(item))) throw this.#misfit('expected methods such as GET or GET,HEAD');
      this.#advance();
      return { kind, methods: items };
    }
    if (!items.every(isIpNetwork)) throw this.#misfit(`expected ${IP_NETWORK_FORM.replaceAll('`', '')}`);
    this.#advance();
    return { kind, networks: items };
  }

  #readValue(): string {
    const piece = this.#piece;
    if (piece.startsWith('"')) return piece.slice(1, -1).replaceAll(/\\(["\\])/g, '$1');
    if (piece === '' || piece === '(' || piece === ')' || OPERATORS.has(piece) || KEYWORDS.has(piece)) {
      throw this.#misfit('expected a value, in double quotes where it is more than one plain word');
    }
    return piece;
  }

  #isAt(piece: string): boolean {
    return this.#piece === piece;
  }

  #advance(): void {
    BLANK.lastIndex = this.#end;
    BLANK.exec(this.#text);
    this.#start = BLANK.lastIndex;
    PIECE.lastIndex = this.#start;
    const found = PIECE.exec(this.#text);
    this.#piece = found?.[0] ?? '';
    this.#end = this.#start + this.#piece.length;
    if (this.#piece !== '' || this.#start === this.#text.length) return;
    throw this.#misfit(
      this.#text[this.#start] === '"'
        ? 'expected a closing quote, and only \\" and \\\\ as escapes'
        : 'expected a word, an operator or a text in double quotes',
    );
  }

  #misfit(expected: string): Misfit {
    return new Misfit(`${expected} at column ${this.#start + 1}`);
  }
}
