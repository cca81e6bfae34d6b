/**
 * Parses and judges one HTTP/1.x request head: request line, fields, framing, host. Accepts the grammar of RFC 9112 and
 * nothing else; what is ambiguous is refused, never repaired. One instance serves a worker; its fields are valid until
 * the next `parse`.
 * Hot: guarded by `bench/micro/head.bench.ts`.
 */
import { normalisePath } from '../../model/path.ts';
import { isConnectionAuth } from '../connection-auth.ts';
import type { JudgedRequest } from '../judged-request.ts';
import { CR, LF, MAY_NEED_NORMALISING, QUESTION_MARK, SP, TARGET, TOKEN } from './char-classes.ts';
import { toTokens } from './field-list.ts';
import { DROP, FieldTable, PASS } from './field-table.ts';
import { hasText } from './has-text.ts';
import { HEAD_INCOMPLETE, hasHeadEnd } from './head-end.ts';
import { findMethod } from './known-methods.ts';
import {
  AUTHORIZATION,
  CONNECTION,
  CONTENT_LENGTH,
  classify,
  EXPECT,
  FORWARDED_FOR,
  FORWARDED_HOST,
  HOST,
  MAX_FORWARDS,
  mayNotBeNominated,
  REQUEST_ID,
  TRANSFER_ENCODING,
  UPGRADE,
} from './request-fields.ts';
import { isValidAuthority, splitAbsoluteTarget } from './request-target.ts';
import { isUsableProtocol } from './upgrade-protocol.ts';

/** How the length of a request body is known (RFC 9112 §6.3). */
export const BODY_NONE = 0;
export const BODY_LENGTH = 1;
export const BODY_CHUNKED = 2;

/** Longer than any registered method; without it, whether a long request line passes would depend on its segments. */
export const MAX_METHOD_BYTES = 32;

/** Of `Connection` and of `Upgrade`: many times what anybody sends, and each of their words costs more than a byte of another field. */
const MAX_OPTIONS_BYTES = 1_024;

const HTTP_SLASH = 'HTTP/';
const DOT = 46;
const ZERO = 48;

export class RequestHead implements JudgedRequest {
  method: string;
  /** Path and query as forwarded: normalised, starts with `/` (or is `*`). */
  target: string;
  /** Index of the `?` in `target`, or its length. */
  pathEnd: number;
  /** As the client sent it, port included; empty for HTTP/1.0 without `Host`. */
  host: string;
  /** 1.1 or 1.0. */
  minorVersion: number;
  keepAlive: boolean;
  body: number;
  contentLength: number;
  expectContinue: boolean;
  /** Value of a usable `Upgrade` offer; empty otherwise. */
  upgrade: string;
  /** Whatever its `TE` says: trailers are dropped towards HTTP/1.1. */
  readonly acceptsTrailers: boolean;
  forwardedFor: string;
  forwardedHost: string;
  requestId: string;
  maxForwards: number;
  bindsConnection: boolean;
  readonly fields: FieldTable;
  readonly #maxTargetBytes: number;
  #lineEnd: number;
  /** The request line may be forwarded as it stands. */
  #lineStays: boolean;
  /** Null: not one of those that nearly all requests have. */
  #knownMethod: string | null;
  #targetStart: number;
  #targetEnd: number;
  /** Classes of its bytes. */
  #seenInTarget: number;
  #hostFromTarget: boolean;
  #connectionAt: number;
  #upgradeAt: number;
  #upgradeToken: boolean;

  constructor(maxFields: number, maxTargetBytes: number) {
    this.fields = new FieldTable(maxFields, true);
    this.#maxTargetBytes = maxTargetBytes;
    this.method = '';
    this.target = '';
    this.pathEnd = 0;
    this.host = '';
    this.minorVersion = 1;
    this.keepAlive = true;
    this.body = BODY_NONE;
    this.contentLength = 0;
    this.expectContinue = false;
    this.upgrade = '';
    this.acceptsTrailers = false;
    this.forwardedFor = '';
    this.forwardedHost = '';
    this.requestId = '';
    this.maxForwards = -1;
    this.bindsConnection = false;
    this.#lineEnd = 0;
    this.#lineStays = false;
    this.#knownMethod = null;
    this.#targetStart = 0;
    this.#targetEnd = 0;
    this.#seenInTarget = 0;
    this.#hostFromTarget = false;
    this.#connectionAt = -1;
    this.#upgradeAt = -1;
    this.#upgradeToken = false;
  }

  /**
   * Bytes `[start, end)` were read, and a request line begins there.
   * @param lastHost a valid one, probably the same again
   * @returns 0, the status to refuse the request with, or `HEAD_INCOMPLETE`
   */
  parse(bytes: Buffer, start: number, end: number, lastHost: string): number {
    const status = this.#parse(bytes, start, end, lastHost);
    if (status === 0) return 0;
    // What is not whole is for `HeadBuffer`, which has its own reasons to refuse it early.
    if (!hasHeadEnd(bytes, start, end)) return HEAD_INCOMPLETE;
    return status === HEAD_INCOMPLETE ? 400 : status;
  }

  /** Behind the head, in the bytes it was parsed from. */
  get headEnd(): number {
    return this.fields.headEnd;
  }

  #parse(bytes: Buffer, start: number, end: number, lastHost: string): number {
    this.#reset();
    let status = this.#scanLine(bytes, start, end);
    if (status !== 0) return status;
    const ofFields = this.fields.scan(bytes, start, start + this.#lineEnd, end);
    if (ofFields === HEAD_INCOMPLETE) return HEAD_INCOMPLETE;
    const text = bytes.toString('latin1', start, ofFields === 0 ? this.fields.headEnd : end);
    this.fields.text = text;
    this.method = this.#knownMethod ?? text.slice(0, this.#targetStart - 1);
    status = this.#judgeTarget(text.slice(this.#targetStart, this.#targetEnd));
    if (status !== 0) return status;
    return ofFields === 0 ? this.#judgeFields(lastHost) : ofFields;
  }

  /** RFC 9112 §3: method, target and version with one space between them. */
  #scanLine(bytes: Buffer, start: number, end: number): number {
    let pos = start;
    while (pos < end && TOKEN[bytes[pos] as number] !== 0) pos++;
    if (pos === end) return HEAD_INCOMPLETE;
    if (pos === start || pos - start > MAX_METHOD_BYTES || bytes[pos] !== SP) return 400;
    this.#knownMethod = findMethod(bytes, start, pos);
    const targetStart = ++pos;
    let seen = 0;
    for (; pos < end; pos++) {
      const cls = TARGET[bytes[pos] as number] as number;
      if (cls === 0) break;
      seen |= cls;
    }
    if (pos === targetStart || pos === end || bytes[pos] !== SP) return 400;
    if (pos - targetStart > this.#maxTargetBytes) return 414;
    this.#targetStart = targetStart - start;
    this.#targetEnd = pos - start;
    this.#seenInTarget = seen;
    return this.#scanVersion(bytes, start, pos + 1, end);
  }

  #scanVersion(bytes: Buffer, start: number, position: number, end: number): number {
    const lineEnd = position + 8;
    if (lineEnd + 2 > end) return HEAD_INCOMPLETE;
    if (!hasText(bytes, position, HTTP_SLASH)) return 400;
    if (bytes[lineEnd] !== CR || bytes[lineEnd + 1] !== LF) return 400;
    const major = (bytes[position + 5] as number) - ZERO;
    const minor = (bytes[position + 7] as number) - ZERO;
    if (bytes[position + 6] !== DOT || major < 0 || major > 9 || minor < 0 || minor > 9) return 400;
    if (major !== 1 || minor > 1) return 505;
    this.minorVersion = minor;
    this.#lineEnd = lineEnd + 2 - start;
    this.#lineStays = minor === 1;
    return 0;
  }

  get protocol(): string {
    return this.minorVersion === 1 ? 'HTTP/1.1' : 'HTTP/1.0';
  }

  header(lowerCaseName: string): string | null {
    return this.fields.find(lowerCaseName);
  }

  queryParameter(name: string): string | null {
    if (this.pathEnd >= this.target.length) return null;
    return new URLSearchParams(this.target.slice(this.pathEnd + 1)).get(name);
  }

  /** Request line and passing fields for an HTTP/1.1 peer, without framing and without the empty line at the end. */
  toForwardedHead(): string {
    if (this.#lineStays) return this.fields.toBlock(0, this.#lineEnd);
    const hostLine = this.#hostFromTarget || this.host === '' ? `Host: ${this.host}\r\n` : '';
    return `${this.method} ${this.target} HTTP/1.1\r\n${hostLine}${this.fields.toBlock(-1, -1)}`;
  }

  #reset(): void {
    this.host = '';
    this.minorVersion = 1;
    this.body = BODY_NONE;
    this.contentLength = 0;
    this.expectContinue = false;
    this.upgrade = '';
    this.forwardedFor = '';
    this.forwardedHost = '';
    this.requestId = '';
    this.maxForwards = -1;
    this.bindsConnection = false;
    this.#hostFromTarget = false;
    this.#connectionAt = -1;
    this.#upgradeAt = -1;
    this.#upgradeToken = false;
  }

  #judgeTarget(raw: string): number {
    if (this.method === 'CONNECT' || this.method === 'TRACE') return 405;
    let target = raw;
    if (raw.charCodeAt(0) !== 47) {
      const absolute = raw === '*' ? null : splitAbsoluteTarget(raw);
      if (absolute !== null) {
        this.host = absolute.authority;
        this.#hostFromTarget = true;
        this.#lineStays = false;
        target = absolute.target;
      }
      if (absolute === null || absolute.pathless) {
        if (this.method === 'OPTIONS' && (raw === '*' || absolute !== null)) return this.#useAsterisk();
        if (absolute === null) return 400;
      }
    }
    const question = (this.#seenInTarget & QUESTION_MARK) === 0 ? -1 : target.indexOf('?');
    const pathEnd = question === -1 ? target.length : question;
    if ((this.#seenInTarget & MAY_NEED_NORMALISING) !== 0) {
      const path = normalisePath(target.slice(0, pathEnd));
      if (path === null) return 400;
      if (path.length !== pathEnd || !target.startsWith(path)) {
        this.#lineStays = false;
        this.target = path + target.slice(pathEnd);
        this.pathEnd = path.length;
        return 0;
      }
    }
    this.target = target;
    this.pathEnd = pathEnd;
    return 0;
  }

  #useAsterisk(): number {
    this.target = '*';
    this.pathEnd = 1;
    return 0;
  }

  #judgeFields(lastHost: string): number {
    const fields = this.fields;
    let hosts = 0;
    let lengths = 0;
    let encodings = 0;
    for (let index = 0; index < fields.count; index++) {
      const kind = classify(fields, index);
      if (kind === PASS) continue;
      fields.kinds[index] = DROP;
      if (kind === HOST) {
        hosts++;
        if (this.#hostFromTarget) {
          if (fields.value(index).toLowerCase() !== this.host.toLowerCase()) return 400;
        } else {
          this.host = fields.valueOr(index, lastHost);
          // An empty one is written anew by `toForwardedHead`, like a missing one.
          if (this.host !== '') fields.kinds[index] = PASS;
        }
      } else if (kind === CONTENT_LENGTH) {
        lengths++;
        const length = parseContentLength(fields.value(index));
        if (length < 0) return 400;
        this.contentLength = length;
        this.body = length === 0 ? BODY_NONE : BODY_LENGTH;
        fields.kinds[index] = PASS;
      } else if (kind === TRANSFER_ENCODING) {
        encodings++;
        if (!fields.valueEquals(index, 'chunked')) return 400;
        this.body = BODY_CHUNKED;
      } else this.#noteField(kind, index);
    }
    if (hosts > 1 || lengths > 1 || encodings > 1) return 400;
    if (encodings === 1 && (lengths === 1 || this.minorVersion === 0)) return 400;
    if (this.minorVersion === 1 ? hosts === 0 || this.host === '' : false) return 400;
    if (this.host !== lastHost && this.host !== '' && !isValidAuthority(this.host)) return 400;
    return this.#judgeConnection();
  }

  #noteField(kind: number, index: number): void {
    const fields = this.fields;
    if (kind === CONNECTION) this.#connectionAt = this.#connectionAt === -1 ? index : -2;
    else if (kind === UPGRADE) this.#upgradeAt = this.#upgradeAt === -1 ? index : -2;
    else if (kind === EXPECT) this.expectContinue = fields.value(index).toLowerCase() === '100-continue';
    else if (kind === FORWARDED_FOR) this.forwardedFor = fields.find('x-forwarded-for') ?? '';
    else if (kind === FORWARDED_HOST) this.forwardedHost = fields.value(index);
    else if (kind === REQUEST_ID) this.requestId = fields.value(index);
    else if (kind === AUTHORIZATION) {
      fields.kinds[index] = PASS;
      this.bindsConnection ||= isConnectionAuth(fields.value(index));
    } else if (kind === MAX_FORWARDS) {
      if (this.method === 'OPTIONS') this.maxForwards = parseContentLength(fields.value(index));
      if (this.maxForwards === -1) fields.kinds[index] = PASS;
    }
  }

  /** Persistence, nominations and upgrade (RFC 9112 §9.3, RFC 9110 §7.6.1 and §7.8). */
  #judgeConnection(): number {
    this.keepAlive = this.minorVersion === 1;
    const at = this.#connectionAt;
    if (at === -1) return this.#judgeExpectation();
    if (at >= 0 && this.fields.valueEquals(at, 'keep-alive')) this.keepAlive = true;
    else if (at >= 0 && this.fields.valueEquals(at, 'close')) this.keepAlive = false;
    else {
      const status = this.#judgeConnectionTokens();
      if (status !== 0) return status;
    }
    return this.#judgeExpectation();
  }

  #judgeConnectionTokens(): number {
    const options = this.fields.find('connection') ?? '';
    if (options.length > MAX_OPTIONS_BYTES) return 431;
    const tokens = new Set(toTokens(options));
    for (const token of tokens) {
      if (mayNotBeNominated(token)) return 400;
    }
    this.fields.dropNamed(tokens);
    this.#upgradeToken = tokens.has('upgrade');
    if (tokens.has('keep-alive')) this.keepAlive = true;
    if (tokens.has('close')) this.keepAlive = false;
    return 0;
  }

  #judgeExpectation(): number {
    if (this.minorVersion === 0 || this.body === BODY_NONE) this.expectContinue = false;
    if (!this.#upgradeToken || this.#upgradeAt < 0 || this.minorVersion === 0) return 0;
    const offer = this.fields.value(this.#upgradeAt);
    if (offer === '' || offer.length > MAX_OPTIONS_BYTES || !toTokens(offer).every(isUsableProtocol)) return 0;
    if (this.body !== BODY_NONE) return 400;
    this.upgrade = offer;
    return 0;
  }
}

/** @returns the length, or -1 unless the value is 1 to 15 digits in canonical form (RFC 9110 §8.6, and below 2^53) */
export function parseContentLength(value: string): number {
  const digits = value.length;
  if (digits === 0 || digits > 15) return -1;
  let length = 0;
  for (let i = 0; i < digits; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return digits > 1 && value.charCodeAt(0) === 48 ? -1 : length;
}
