/**
 * Judges one HTTP/2 request head as the session hands it over: pseudo-fields, fields, framing, host (RFC 9113 §8). What
 * the fields mean is the same as for HTTP/1.1, and so are the tables that decide it. One instance serves a worker; its
 * fields are valid until the next `parse`.
 * Hot.
 */
import { normalisePath } from '../../model/path.ts';
import { isConnectionAuth } from '../connection-auth.ts';
import { TARGET, TOKEN } from '../http1/char-classes.ts';
import { DROP, PASS } from '../http1/field-table.ts';
import {
  AUTHORIZATION,
  CONTENT_LENGTH,
  EXPECT,
  FORWARDED_FOR,
  FORWARDED_HOST,
  HOST,
  KNOWN_FIELDS,
  MAX_FORWARDS,
  REQUEST_ID,
} from '../http1/request-fields.ts';
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, MAX_METHOD_BYTES, parseContentLength } from '../http1/request-head.ts';
import { isValidAuthority } from '../http1/request-target.ts';
import type { JudgedRequest } from '../judged-request.ts';
import { isFieldValue, judgeName } from './field-rules.ts';
import { createWebSocketKey } from './web-socket-key.ts';

/** Not an HTTP/2 request: the stream is reset with PROTOCOL_ERROR (RFC 9113 §8.1.1), where others get an answer. */
export const MALFORMED = -1;

const FORBIDDEN = 100;
const TE = 101;
const COOKIE = 102;
/** Not used over HTTP/2 (RFC 8441 §5): a back end gets one of ours. */
const WEB_SOCKET_KEY = 103;

/** The meaning of each known name; those of a connection cannot stand in HTTP/2 at all (RFC 9113 §8.2.2). */
const KINDS: ReadonlyMap<string, number> = new Map<string, number>([
  ...KNOWN_FIELDS,
  ['connection', FORBIDDEN],
  ['keep-alive', FORBIDDEN],
  ['proxy-connection', FORBIDDEN],
  ['transfer-encoding', FORBIDDEN],
  ['upgrade', FORBIDDEN],
  ['te', TE],
  ['cookie', COOKIE],
  ['sec-websocket-key', WEB_SOCKET_KEY],
]);

const COLON = 58;
const SLASH = 47;

export interface RequestLimits {
  /** Field lines, each cookie crumb and the authority among them. */
  readonly maxHeaders: number;
  /** Names and values together. */
  readonly maxHeadBytes: number;
  readonly maxTargetBytes: number;
}

export class Http2RequestHead implements JudgedRequest {
  method: string;
  target: string;
  pathEnd: number;
  host: string;
  readonly protocol: string;
  body: number;
  contentLength: number;
  expectContinue: boolean;
  upgrade: string;
  /** What a back end has to prove it has read; empty for anything but a WebSocket. */
  webSocketKey: string;
  acceptsTrailers: boolean;
  forwardedFor: string;
  forwardedHost: string;
  requestId: string;
  maxForwards: number;
  bindsConnection: boolean;
  readonly #limits: RequestLimits;
  #pairs: readonly string[];
  #scheme: string;
  #path: string;
  #authority: string;
  /** Of an extended CONNECT. */
  #protocol: string;
  #seenPseudo: number;
  #hostCount: number;
  #hasLength: boolean;
  /** All crumbs in one (RFC 9113 §8.2.3). */
  #cookie: string;
  /** Passing fields as HTTP/1.1 lines. */
  #block: string;
  #validHost: string;

  constructor(limits: RequestLimits) {
    this.#limits = limits;
    this.method = '';
    this.target = '';
    this.pathEnd = 0;
    this.host = '';
    this.protocol = 'HTTP/2.0';
    this.body = BODY_NONE;
    this.contentLength = 0;
    this.expectContinue = false;
    this.upgrade = '';
    this.webSocketKey = '';
    this.acceptsTrailers = false;
    this.forwardedFor = '';
    this.forwardedHost = '';
    this.requestId = '';
    this.maxForwards = -1;
    this.bindsConnection = false;
    this.#pairs = [];
    this.#scheme = '';
    this.#path = '';
    this.#authority = '';
    this.#protocol = '';
    this.#seenPseudo = 0;
    this.#hostCount = 0;
    this.#hasLength = false;
    this.#cookie = '';
    this.#block = '';
    this.#validHost = '';
  }

  /** What the body is to be as long as; -1 when the head does not say. */
  get announcedLength(): number {
    return this.#hasLength ? this.contentLength : -1;
  }

  /**
   * @param pairs names and values in turn, one code unit a byte
   * @param endStream whether no body follows
   * @returns 0, `MALFORMED`, or the status to refuse the request with
   */
  parse(pairs: readonly string[], endStream: boolean): number {
    this.#reset(pairs);
    const { maxHeaders, maxHeadBytes } = this.#limits;
    let fields = 0;
    let bytes = 0;
    let oversized = false;
    for (let at = 0; at < pairs.length; at += 2) {
      const name = pairs[at] as string;
      const value = pairs[at + 1] as string;
      bytes += name.length + value.length;
      if (name.charCodeAt(0) === COLON) {
        if (fields !== 0 || !this.#notePseudo(name, value)) return MALFORMED;
      } else {
        // Judged to the end all the same: malformed is malformed, however much of it there is.
        if (++fields > maxHeaders) oversized = true;
        if (!this.#noteField(name, value)) return MALFORMED;
      }
    }
    if (this.method === '' || !this.#judgeFraming(endStream)) return MALFORMED;
    if ((this.#seenPseudo & 16) !== 0 && this.method !== 'CONNECT') return MALFORMED;
    const status = this.#protocol === '' ? this.#judgeTarget() : this.#judgeExtendedConnect(endStream);
    if (status !== 0) return status;
    return oversized || bytes > maxHeadBytes ? 431 : this.#judgeHost();
  }

  header(lowerCaseName: string): string | null {
    if (lowerCaseName === 'cookie') return this.#cookie === '' ? null : this.#cookie;
    if (lowerCaseName === 'host') return this.host;
    if (lowerCaseName.includes('_')) return null;
    const pairs = this.#pairs;
    let found: string | null = null;
    for (let at = 0; at < pairs.length; at += 2) {
      if (pairs[at] !== lowerCaseName) continue;
      found = found === null ? (pairs[at + 1] as string) : `${found}, ${pairs[at + 1]}`;
    }
    return found;
  }

  queryParameter(name: string): string | null {
    if (this.pathEnd >= this.target.length) return null;
    return new URLSearchParams(this.target.slice(this.pathEnd + 1)).get(name);
  }

  toForwardedHead(): string {
    const line = `${this.method} ${this.target} HTTP/1.1\r\nHost: ${this.host}\r\n`;
    const cookie = this.#cookie === '' ? '' : `Cookie: ${this.#cookie}\r\n`;
    const key = this.webSocketKey === '' ? '' : `Sec-WebSocket-Key: ${this.webSocketKey}\r\n`;
    return `${line}${this.#block}${cookie}${this.#lengthLine()}${key}`;
  }

  #reset(pairs: readonly string[]): void {
    this.#pairs = pairs;
    this.method = '';
    this.host = '';
    this.body = BODY_NONE;
    this.contentLength = 0;
    this.expectContinue = false;
    this.acceptsTrailers = false;
    this.forwardedFor = '';
    this.forwardedHost = '';
    this.requestId = '';
    this.maxForwards = -1;
    this.bindsConnection = false;
    this.upgrade = '';
    this.webSocketKey = '';
    this.#scheme = '';
    this.#path = '';
    this.#authority = '';
    this.#protocol = '';
    this.#seenPseudo = 0;
    this.#hostCount = 0;
    this.#hasLength = false;
    this.#cookie = '';
    this.#block = '';
  }

  /** Each of the five at most once, and no others. */
  #notePseudo(name: string, value: string): boolean {
    let bit = 0;
    if (name === ':method') {
      bit = 1;
      this.method = value;
    } else if (name === ':scheme') {
      bit = 2;
      this.#scheme = value;
    } else if (name === ':path') {
      bit = 4;
      this.#path = value;
    } else if (name === ':authority') {
      bit = 8;
      this.#authority = value;
    } else if (name === ':protocol') {
      bit = 16;
      this.#protocol = value;
    }
    if (bit === 0 || (this.#seenPseudo & bit) !== 0) return false;
    this.#seenPseudo |= bit;
    return true;
  }

  /** @returns false when the field makes the request malformed */
  #noteField(name: string, value: string): boolean {
    const nameClass = judgeName(name);
    if (nameClass === 0 || !isFieldValue(value)) return false;
    // `x_real_ip` reaches many back ends as the same variable as `x-real-ip` (CVE-2026-33433).
    if (nameClass === 2) return true;
    const kind = KINDS.get(name) ?? PASS;
    if (kind === PASS) this.#block += `${name}: ${value}\r\n`;
    else if (kind === COOKIE) this.#cookie = this.#cookie === '' ? value : `${this.#cookie}; ${value}`;
    else if (kind === FORBIDDEN) return false;
    else if (kind === WEB_SOCKET_KEY) {
      // Behind the pseudo-fields it is known whether this is one.
      if (this.#protocol === '') this.#block += `${name}: ${value}\r\n`;
    } else if (kind === TE) return this.#noteTe(value);
    else if (kind === AUTHORIZATION) {
      this.bindsConnection ||= isConnectionAuth(value);
      this.#block += `${name}: ${value}\r\n`;
    } else if (kind === MAX_FORWARDS) {
      // Pseudo-fields come first, so the method is known.
      if (this.method === 'OPTIONS') this.maxForwards = parseContentLength(value);
      if (this.maxForwards === -1) this.#block += `${name}: ${value}\r\n`;
    } else if (kind !== DROP) return this.#noteKnown(kind, value);
    return true;
  }

  #noteTe(value: string): boolean {
    this.acceptsTrailers = value === 'trailers';
    return this.acceptsTrailers;
  }

  #noteKnown(kind: number, value: string): boolean {
    if (kind === HOST) {
      this.#hostCount++;
      this.host = value;
    } else if (kind === CONTENT_LENGTH) {
      if (this.#hasLength) return false;
      this.#hasLength = true;
      this.contentLength = parseContentLength(value);
      return this.contentLength >= 0;
    } else if (kind === EXPECT) this.expectContinue = value.toLowerCase() === '100-continue';
    else if (kind === FORWARDED_FOR) {
      this.forwardedFor = this.forwardedFor === '' ? value : `${this.forwardedFor}, ${value}`;
    } else if (kind === FORWARDED_HOST) this.forwardedHost = value;
    else if (kind === REQUEST_ID) this.requestId = value;
    return true;
  }

  /** RFC 9113 §8.1.1: an announced length must be kept, also by a request without any DATA. */
  #judgeFraming(endStream: boolean): boolean {
    if (endStream) {
      this.expectContinue = false;
      return this.contentLength === 0;
    }
    if (!this.#hasLength) this.body = BODY_CHUNKED;
    else if (this.contentLength > 0) this.body = BODY_LENGTH;
    if (this.body === BODY_NONE) this.expectContinue = false;
    return true;
  }

  /**
   * RFC 8441 §4 and §5. A back end gets what a client of HTTP/1.1 would have sent: a GET with an offer to switch.
   * 501 for protocols other than WebSocket (RFC 9220 §3).
   */
  #judgeExtendedConnect(endStream: boolean): number {
    if (endStream || this.#hasLength || (this.#seenPseudo & 8) === 0) return MALFORMED;
    if (this.#protocol !== 'websocket') return 501;
    this.method = 'GET';
    this.body = BODY_NONE;
    this.expectContinue = false;
    const status = this.#judgeTarget();
    if (status !== 0) return status;
    this.upgrade = this.#protocol;
    this.webSocketKey = createWebSocketKey();
    return 0;
  }

  #judgeTarget(): number {
    const { method } = this;
    // CONNECT has no path and no scheme (RFC 9113 §8.5), so it is refused before these are missed.
    if (method === 'CONNECT' || method === 'TRACE') return 405;
    const raw = this.#path;
    if (this.#scheme === '' || raw === '') return MALFORMED;
    if (!isToken(method) || method.length > MAX_METHOD_BYTES) return 400;
    if (this.#scheme !== 'https' && this.#scheme !== 'http') return 400;
    if (raw.length > this.#limits.maxTargetBytes) return 414;
    if (raw === '*' && method === 'OPTIONS') {
      this.target = raw;
      this.pathEnd = 1;
      return 0;
    }
    if (raw.charCodeAt(0) !== SLASH || !isTarget(raw)) return 400;
    const question = raw.indexOf('?');
    const path = normalisePath(question === -1 ? raw : raw.slice(0, question));
    if (path === null) return 400;
    this.target = question === -1 ? path : path + raw.slice(question);
    this.pathEnd = path.length;
    return 0;
  }

  /** `:authority` rules; a `host` beside it must name the same (RFC 9113 §8.3.1). */
  #judgeHost(): number {
    const authority = this.#authority;
    if (this.#hostCount > 1) return 400;
    if (this.#hostCount === 1 && (this.#seenPseudo & 8) !== 0) {
      if (this.host.toLowerCase() !== authority.toLowerCase()) return 400;
    }
    if (authority !== '') this.host = authority;
    // Nearly every request of a connection names the host of the one before.
    if (this.host !== this.#validHost) {
      if (!isValidAuthority(this.host)) return 400;
      this.#validHost = this.host;
    }
    return this.host === '' ? 400 : 0;
  }

  #lengthLine(): string {
    if (this.#hasLength) return `Content-Length: ${this.contentLength}\r\n`;
    if (this.body !== BODY_NONE) return '';
    const { method } = this;
    // Back ends expect a length where a method usually has content (RFC 9110 §8.6); elsewhere it would only surprise them.
    return method === 'POST' || method === 'PUT' || method === 'PATCH' ? 'Content-Length: 0\r\n' : '';
  }
}

function isToken(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const cls = TOKEN[text.charCodeAt(at)];
    if (cls !== 1 && cls !== 2) return false;
  }
  return true;
}

function isTarget(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    if ((TARGET[text.charCodeAt(at)] ?? 0) === 0) return false;
  }
  return true;
}
