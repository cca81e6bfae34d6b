/**
 * Says in a request which lane it is in: a header and a member of `baggage` (W3C Baggage). What clients say of it is taken
 * off wherever a side of the route has a lane, so nobody gets into one by asking. Routes without lanes never come here.
 */
import type { LaneConfig } from '../model/lane.ts';
import type { ExchangeRequest } from './exchange-request.ts';
import type { LaneAnswer } from './lane-answer.ts';

const BAGGAGE = 'baggage';
const LANE_KEY = 'lane';
/** What a sender may count on (W3C Baggage §3.3.2, and the limit of its first edition). */
const MAX_MEMBERS = 180;
const MAX_BYTES = 8_192;

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const VALUE = '[ \\t]*=[ \\t]*[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]*';
// Without blanks around them: next to those of another part, long ones would be tried in every combination.
const PAIR = new RegExp(`^${TOKEN}${VALUE}$`);
const PROPERTY = new RegExp(`^${TOKEN}(?:${VALUE})?$`);

const ESCAPE = /%[0-9A-Fa-f]{2}/g;

/** What a route makes of the lanes of one request. */
export interface LaneOrder {
  /** Of all headers by which sides of the route tell their lanes, in lower case. */
  readonly names: ReadonlySet<string>;
  /** Null = the side that takes the request has none. */
  readonly lane: LaneConfig | null;
  /** Null = the client is not told. */
  readonly answer: LaneAnswer | null;
}

/** Where the lane stands in the text of a request, and what is needed to write another one there. */
export class LaneMark {
  readonly answer: LaneAnswer | null;
  readonly #at: number;
  readonly #length: number;
  /** Of the client, without its word about lanes. */
  readonly #members: readonly string[];

  constructor(at: number, length: number, members: readonly string[], answer: LaneAnswer | null) {
    this.answer = answer;
    this.#at = at;
    this.#length = length;
    this.#members = members;
  }

  /** The request for a side with another lane, or with none. */
  rewrite(text: string, lane: LaneConfig | null): string {
    return text.slice(0, this.#at) + toLines(lane, this.#members) + text.slice(this.#at + this.#length);
  }
}

export function tagLane(request: ExchangeRequest, { names, lane, answer }: LaneOrder): ExchangeRequest {
  const { text } = request;
  const end = text.indexOf('\r\n\r\n') + 2;
  let start = text.indexOf('\r\n') + 2;
  let head = text.slice(0, start);
  let baggage = '';
  while (start < end) {
    const next = text.indexOf('\r\n', start) + 2;
    const colon = text.indexOf(':', start);
    const name = text.slice(start, colon).toLowerCase();
    if (name === BAGGAGE) baggage += `,${text.slice(colon + 1, next - 2)}`;
    else if (!names.has(name)) head += text.slice(start, next);
    start = next;
  }
  const members = baggage === '' ? [] : toMembers(baggage);
  const lines = toLines(lane, members);
  const mark = new LaneMark(head.length, lines.length, members, answer);
  return { ...request, text: head + lines + text.slice(end), lane: mark };
}

/** Those that are valid, in order, but for the one about lanes. */
function toMembers(baggage: string): readonly string[] {
  const members: string[] = [];
  for (const part of baggage.split(',')) {
    const member = part.trim();
    if (member !== '' && keyOf(member) !== LANE_KEY && isMember(member)) members.push(member);
  }
  return members;
}

function isMember(text: string): boolean {
  const [pair = '', ...properties] = text.split(';');
  return PAIR.test(pair.trim()) && properties.every((property) => PROPERTY.test(property.trim()));
}

/** As the most lenient reader has it: some decode keys like values, so that `l%61ne` and `+lane` are the lane to them. */
function keyOf(member: string): string {
  const equals = member.indexOf('=');
  const key = equals === -1 ? '' : member.slice(0, equals).replaceAll('+', ' ');
  return key.replaceAll(ESCAPE, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16))).trim();
}

function toLines(lane: LaneConfig | null, members: readonly string[]): string {
  const baggage = toBaggage(lane === null ? '' : `${LANE_KEY}=${lane.name}`, members);
  const own = lane === null ? '' : `${lane.header}: ${lane.name}\r\n`;
  return baggage === '' ? own : `${own}${BAGGAGE}: ${baggage}\r\n`;
}

/** Whole members, as many as fit. */
function toBaggage(first: string, members: readonly string[]): string {
  let text = first;
  let count = first === '' ? 0 : 1;
  for (const member of members) {
    const separator = text === '' ? '' : ',';
    if (count === MAX_MEMBERS || text.length + separator.length + member.length > MAX_BYTES) break;
    text += separator + member;
    count++;
  }
  return text;
}
