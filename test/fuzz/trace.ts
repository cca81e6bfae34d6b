/** What a parser made of a byte stream, in a form two parsers can be compared in. */

/** More bytes could follow. */
export const OPEN = 0;
/** What came is no HTTP for this parser. */
export const REFUSED = 1;
/** The last message said that nothing follows it on this connection. */
export const CLOSED = 2;
/** The connection has left HTTP. */
export const TUNNEL = 3;
/** The stream ended inside a message. */
export const CUT_OFF = 4;

const ENDING_NAMES = ['open', 'refused', 'closed', 'tunnel', 'cut off'];
const HASH_START = 0x811c9dc5;

/** A message whose head was accepted. */
export class ParsedMessage {
  /** Method, or status of a response. */
  readonly verb: string;
  readonly target: string;
  /** Whether another message may follow on the connection. */
  readonly keepAlive: boolean;
  bodyBytes: number;
  bodyHash: number;
  complete: boolean;
  /** Where in the stream the message ends; -1 when the parser was not asked or is not there yet. */
  end: number;

  constructor(verb: string, target: string, keepAlive: boolean) {
    this.verb = verb;
    this.target = target;
    this.keepAlive = keepAlive;
    this.bodyBytes = 0;
    this.bodyHash = HASH_START;
    this.complete = false;
    this.end = -1;
  }

  addBody(bytes: Uint8Array, start: number, end: number): void {
    if (this.complete) throw new Error(`body bytes behind the end of ${this.verb} ${this.target}`);
    let hash = this.bodyHash;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    this.bodyHash = hash;
    this.bodyBytes += end - start;
  }
}

export class Trace {
  readonly messages: ParsedMessage[];
  ending: number;
  /** Why it was refused: a status of ours, or the other parser's words. */
  reason: string;

  constructor() {
    this.messages = [];
    this.ending = OPEN;
    this.reason = '';
  }

  get last(): ParsedMessage | null {
    const count = this.messages.length;
    return count === 0 ? null : (this.messages[count - 1] as ParsedMessage);
  }

  /** The message under way; null between messages. */
  get current(): ParsedMessage | null {
    const last = this.last;
    return last === null || last.complete ? null : last;
  }

  get completeCount(): number {
    return this.current === null ? this.messages.length : this.messages.length - 1;
  }

  /** What kind of messages and of ending, without the details that differ from input to input. */
  shape(): string {
    let shape = `${this.ending}${this.reason} ${Math.min(this.messages.length, 3)}`;
    for (const message of this.messages.slice(-2)) {
      const length = message.bodyBytes === 0 ? 0 : 1;
      shape += ` ${message.verb.length < 8 ? message.verb : '?'}${length}${message.complete}${message.keepAlive}`;
    }
    return shape;
  }

  /** One line for people and for tables: `POST /a 5 bytes | GET /b 0 bytes … | refused 400`. */
  summary(): string {
    const parts = this.messages.map((message) => {
      const name = message.target === '' ? message.verb : `${message.verb} ${message.target}`;
      return `${name} ${message.bodyBytes} bytes${message.complete ? '' : ' …'}`;
    });
    const ending = ENDING_NAMES[this.ending] as string;
    return [...parts, this.reason === '' ? ending : `${ending} ${this.reason}`].join(' | ');
  }
}

/**
 * Null when both saw the same; else what differs. Ends are compared where both know them. Of several faults in one head,
 * how much has come decides which is named, so reasons are not compared.
 */
export function differenceOf(a: Trace, b: Trace): string | null {
  const count = Math.max(a.messages.length, b.messages.length);
  for (let i = 0; i < count; i++) {
    const one = a.messages[i];
    const other = b.messages[i];
    if (one === undefined || other === undefined) return `message ${i} is missing on one side`;
    const difference = differenceOfMessages(one, other);
    if (difference !== null) return `message ${i}: ${difference}`;
  }
  return a.ending === b.ending ? null : `${ENDING_NAMES[a.ending]} against ${ENDING_NAMES[b.ending]}`;
}

function differenceOfMessages(a: ParsedMessage, b: ParsedMessage): string | null {
  if (a.verb !== b.verb || a.target !== b.target) return `${a.verb} ${a.target} against ${b.verb} ${b.target}`;
  if (a.complete !== b.complete) return 'complete on one side only';
  if (a.bodyBytes !== b.bodyBytes) return `body of ${a.bodyBytes} against ${b.bodyBytes} bytes`;
  if (a.bodyHash !== b.bodyHash) return 'bodies of equal length and different bytes';
  if (a.keepAlive !== b.keepAlive) return 'persistence';
  return a.end === b.end || a.end === -1 || b.end === -1 ? null : `end at ${a.end} against ${b.end}`;
}
