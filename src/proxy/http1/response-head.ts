/**
 * Parses and judges one HTTP/1.x response head. What a back end sends is as untrusted as what a client sends: anything
 * outside the grammar becomes a 502, never a guess (RFC 9112 §4, §6.3). One instance serves a worker.
 * Hot: guarded by `bench/micro/head.bench.ts`.
 */
import { CR, FIELD_VALUE, LF, SP } from './char-classes.ts';
import { toTokens } from './field-list.ts';
import { DROP, FieldTable, PASS } from './field-table.ts';
import { hasText } from './has-text.ts';
import { HEAD_INCOMPLETE, hasHeadEnd } from './head-end.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, parseContentLength } from './request-head.ts';

/** The body ends with the connection (RFC 9112 §6.3, rule 8). */
export const BODY_UNTIL_CLOSE = 3;

/** Not a response, or more than is accepted. */
export const HEAD_INVALID = -2;

const VERSION = 'HTTP/1.';
const SHORTEST_HEAD_BYTES = 16;
/** Where a reason phrase begins, if there is one. */
const REASON_START = 13;
const ZERO = 48;

const NO_FIELDS: readonly string[] = [];

const CONTENT_LENGTH = 2;
const TRANSFER_ENCODING = 3;
const CONNECTION = 4;
const KEEP_ALIVE = 5;
const SERVER = 6;
const DATE = 7;
const UPGRADE = 8;
/** Of one connection only: dropped without a further look. */
const HOP_BY_HOP = 9;

export class ResponseHead {
  status: number;
  keepAlive: boolean;
  body: number;
  /** Announced length; -1 when none was (a HEAD or 304 answer keeps it without having a body). */
  contentLength: number;
  hasServer: boolean;
  hasDate: boolean;
  /** Of a 101 answer; empty otherwise. */
  upgrade: string;
  /** Seconds of `Keep-Alive: timeout=N`; 0 when absent. */
  keepAliveSeconds: number;
  /** Not of the back end but ours: names and values in turn. */
  own: readonly string[];
  readonly fields: FieldTable;
  #minorVersion: number;
  /** Behind the status line. */
  #lineEnd: number;
  /** The status line may be forwarded as it stands. */
  #lineStays: boolean;
  #connectionAt: number;

  constructor(maxFields: number) {
    this.fields = new FieldTable(maxFields, false);
    this.status = 0;
    this.keepAlive = true;
    this.body = BODY_NONE;
    this.contentLength = -1;
    this.hasServer = false;
    this.hasDate = false;
    this.upgrade = '';
    this.keepAliveSeconds = 0;
    this.own = NO_FIELDS;
    this.#minorVersion = 1;
    this.#lineEnd = 0;
    this.#lineStays = false;
    this.#connectionAt = -1;
  }

  /**
   * Bytes `[start, end)` were read, and a status line begins there.
   * @param toHead whether the request was a HEAD
   * @returns where what follows the head begins, `HEAD_INCOMPLETE` or `HEAD_INVALID`
   */
  parse(bytes: Buffer, start: number, end: number, toHead: boolean): number {
    if (this.#isHead(bytes, start, end)) {
      const { headEnd } = this.fields;
      this.fields.text = bytes.toString('latin1', start, headEnd);
      return this.#judgeFields(toHead) ? headEnd : HEAD_INVALID;
    }
    // Only whole heads are refused, whatever the segments they come in.
    return hasHeadEnd(bytes, start, end) ? HEAD_INVALID : HEAD_INCOMPLETE;
  }

  /** Status line and end-to-end fields, as lines; `Content-Length` is among them when it was announced. */
  toText(): string {
    if (this.#lineStays) return this.fields.toBlock(0, this.#lineEnd);
    return `HTTP/1.1 ${this.status} ${this.#reason()}\r\n${this.fields.toBlock(-1, -1)}`;
  }

  addOwn(name: string, value: string): void {
    this.own = this.own.length === 0 ? [name, value] : [...this.own, name, value];
  }

  #isHead(bytes: Buffer, start: number, end: number): boolean {
    const lineEnd = this.#scanLine(bytes, start, end);
    if (lineEnd === -1) return false;
    this.#lineEnd = lineEnd - start;
    return this.fields.scan(bytes, start, lineEnd, end) === 0;
  }

  /** RFC 9112 §4. @returns where the fields begin; -1 where it is no status line, or not the whole of it */
  #scanLine(bytes: Buffer, start: number, end: number): number {
    // No whole head is shorter: `HTTP/1.1 200` and two line ends.
    if (end - start < SHORTEST_HEAD_BYTES) return -1;
    if (!hasText(bytes, start, VERSION)) return -1;
    const minor = (bytes[start + 7] as number) - ZERO;
    if ((minor !== 0 && minor !== 1) || bytes[start + 8] !== SP) return -1;
    let status = 0;
    for (let at = start + 9; at < start + 12; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) return -1;
      status = status * 10 + digit;
    }
    if (status < 100 || status > 599) return -1;
    let pos = start + REASON_START - 1;
    const hasReason = bytes[pos] === SP;
    if (hasReason) {
      pos++;
      while (pos < end && FIELD_VALUE[bytes[pos] as number] === 1) pos++;
    }
    if (pos + 1 >= end || bytes[pos] !== CR || bytes[pos + 1] !== LF) return -1;
    this.status = status;
    this.#minorVersion = minor;
    this.#lineStays = hasReason && minor === 1;
    return pos + 2;
  }

  /** As sent, possibly empty. */
  #reason(): string {
    return this.fields.text.slice(REASON_START, this.#lineEnd - 2);
  }

  #judgeFields(toHead: boolean): boolean {
    const fields = this.fields;
    this.contentLength = -1;
    this.hasServer = false;
    this.hasDate = false;
    this.upgrade = '';
    this.keepAliveSeconds = 0;
    this.own = NO_FIELDS;
    this.#connectionAt = -1;
    let lengthAt = -1;
    let encodings = 0;
    for (let index = 0; index < fields.count; index++) {
      const kind = classify(fields, index);
      if (kind === PASS) continue;
      if (kind === CONTENT_LENGTH) {
        const length = parseContentLength(fields.value(index));
        // Equal repetitions are collapsed (RFC 9110 §8.6): some back ends send them, and the client sees one.
        if (length < 0 || (lengthAt !== -1 && length !== this.contentLength)) return false;
        if (lengthAt !== -1) fields.kinds[index] = DROP;
        else lengthAt = index;
        this.contentLength = length;
      } else if (kind === TRANSFER_ENCODING) {
        if (!fields.valueEquals(index, 'chunked') || ++encodings > 1) return false;
        fields.kinds[index] = DROP;
      } else this.#noteField(kind, index);
    }
    // Readers disagree whether an interim response that announces a body has one: what follows could be taken for either.
    if (this.status < 200 && (encodings === 1 || this.contentLength > 0)) return false;
    this.#judgePersistence(encodings);
    this.#judgeBody(toHead, encodings === 1);
    if (lengthAt !== -1 && this.contentLength === -1) fields.kinds[lengthAt] = DROP;
    return true;
  }

  #noteField(kind: number, index: number): void {
    const fields = this.fields;
    if (kind === SERVER) this.hasServer = true;
    else if (kind === DATE) this.hasDate = true;
    else {
      fields.kinds[index] = DROP;
      if (kind === CONNECTION) this.#connectionAt = this.#connectionAt === -1 ? index : -2;
      else if (kind === UPGRADE) this.upgrade = fields.value(index);
      else if (kind === KEEP_ALIVE) this.keepAliveSeconds = toTimeoutSeconds(fields.value(index));
    }
  }

  #judgePersistence(encodings: number): void {
    this.keepAlive = this.#minorVersion === 1;
    const at = this.#connectionAt;
    if (at !== -1) {
      if (at >= 0 && this.fields.valueEquals(at, 'keep-alive')) this.keepAlive = true;
      else if (at >= 0 && this.fields.valueEquals(at, 'close')) this.keepAlive = false;
      else this.#judgeConnectionTokens();
    }
    // A 1.0 peer does not know the chunked coding, and length beside it is ambiguous: served once, never reused.
    if (encodings === 1 && (this.#minorVersion === 0 || this.contentLength !== -1)) this.keepAlive = false;
  }

  #judgeConnectionTokens(): void {
    const tokens = new Set(toTokens(this.fields.find('connection') ?? ''));
    if (tokens.has('keep-alive')) this.keepAlive = true;
    if (tokens.has('close')) this.keepAlive = false;
    // Its framing a response cannot give away.
    tokens.delete('content-length');
    this.fields.dropNamed(tokens);
  }

  #judgeBody(toHead: boolean, chunked: boolean): void {
    const status = this.status;
    if (status < 200 || status === 204) {
      // Whoever announces a body here will send one, perhaps only when the connection already serves somebody else.
      if (chunked || this.contentLength > 0) this.keepAlive = false;
      this.body = BODY_NONE;
      this.contentLength = -1;
    } else if (toHead || status === 304) {
      this.body = BODY_NONE;
      if (chunked) this.contentLength = -1;
    } else if (chunked) {
      this.body = BODY_CHUNKED;
      this.contentLength = -1;
    } else if (this.contentLength >= 0) this.body = this.contentLength === 0 ? BODY_NONE : BODY_LENGTH;
    else {
      this.body = BODY_UNTIL_CLOSE;
      this.keepAlive = false;
    }
  }
}

function classify(fields: FieldTable, index: number): number {
  switch (fields.nameLength(index)) {
    case 2:
      return fields.nameEquals(index, 'te') ? HOP_BY_HOP : PASS;
    case 4:
      return fields.nameEquals(index, 'date') ? DATE : PASS;
    case 6:
      return fields.nameEquals(index, 'server') ? SERVER : PASS;
    case 7:
      if (fields.nameEquals(index, 'upgrade')) return UPGRADE;
      return fields.nameEquals(index, 'trailer') ? HOP_BY_HOP : PASS;
    case 10:
      if (fields.nameEquals(index, 'connection')) return CONNECTION;
      return fields.nameEquals(index, 'keep-alive') ? KEEP_ALIVE : PASS;
    case 14:
      if (fields.nameEquals(index, 'content-length')) return CONTENT_LENGTH;
      return fields.nameEquals(index, 'http2-settings') ? HOP_BY_HOP : PASS;
    case 16:
      return fields.nameEquals(index, 'proxy-connection') ? HOP_BY_HOP : PASS;
    case 17:
      return fields.nameEquals(index, 'transfer-encoding') ? TRANSFER_ENCODING : PASS;
    default:
      return PASS;
  }
}

function toTimeoutSeconds(value: string): number {
  const match = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(value);
  return match === null ? 0 : Number(match[1]);
}
