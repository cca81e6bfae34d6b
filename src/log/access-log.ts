/**
 * Formats one access-log line per request, as JSON or as text (the combined log format plus our fields). Which requests are
 * logged and where the lines go is decided elsewhere. Values of `Authorization` and `Cookie` have no field here on purpose.
 * Hot when the access log is on: string concatenation, and escaping only where a scan found something to escape.
 */

export interface AccessLogEntry {
  /** When the request head was complete; milliseconds since 1970. */
  readonly timeMs: number;
  readonly clientIp: string;
  readonly method: string;
  /** Host of the request as sent, or empty. */
  readonly host: string;
  /** Request target as sent (each code unit one byte, as the codec decodes it). */
  readonly target: string;
  /** `HTTP/1.1`, `HTTP/2.0`. */
  readonly protocol: string;
  /** 0 when no answer was begun. */
  readonly status: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
  /** Time until the response head of the last attempt; -1 = no attempt had one. */
  readonly upstreamMs: number;
  /** Empty = no route. */
  readonly routeId: string;
  readonly upstreamId: string;
  readonly endpointId: string;
  readonly canary: boolean;
  /** Why this side of the split took it, e.g. `weight`; empty = the route has no canaries. */
  readonly split: string;
  /** Where the user stands on the scale of the canaries, from 0 to 2^31 - 1; -1 = that was not asked. */
  readonly bucket: number;
  /** The main upstream took over from a canary that failed. */
  readonly fallback: boolean;
  /** A backup took over; `upstreamId` is the backup. */
  readonly backup: boolean;
  readonly attempts: number;
  readonly userAgent: string;
  readonly referer: string;
  readonly requestId: string;
  /** A word of the proxy's `Outcome`. */
  readonly outcome: string;
}

/** Longest target, in code units; every other text is cut at `MAX_TEXT`. */
const MAX_TARGET = 4_096;
const MAX_TEXT = 512;

/** One line that ends in a line feed. */
export function formatAccessLine(entry: AccessLogEntry, format: 'json' | 'text'): string {
  return format === 'json' ? formatJson(entry) : formatText(entry);
}

/** The key `msg` is constant, so that one filter separates these lines from those of the log. */
function formatJson(entry: AccessLogEntry): string {
  return (
    `{"time":"${isoTime(entry.timeMs)}","msg":"access","clientIp":${json(entry.clientIp)},"method":${json(entry.method)}` +
    `,"host":${json(entry.host)},"target":${json(entry.target, MAX_TARGET)},"protocol":${json(entry.protocol)}` +
    `,"status":${number(entry.status)},"requestBytes":${number(entry.requestBytes)}` +
    `,"responseBytes":${number(entry.responseBytes)},"durationMs":${number(entry.durationMs)}` +
    `,"upstreamMs":${entry.upstreamMs < 0 ? 'null' : number(entry.upstreamMs)},"route":${json(entry.routeId)}` +
    `,"upstream":${json(entry.upstreamId)},"endpoint":${json(entry.endpointId)},"canary":${entry.canary},"split":${json(entry.split)},"bucket":${entry.bucket < 0 ? 'null' : number(entry.bucket)},"fallback":${entry.fallback},"backup":${entry.backup}` +
    `,"attempts":${number(entry.attempts)},"userAgent":${json(entry.userAgent)},"referer":${json(entry.referer)}` +
    `,"requestId":${json(entry.requestId)},"outcome":${json(entry.outcome)}}\n`
  );
}

function formatText(entry: AccessLogEntry): string {
  const mark = `${entry.canary ? '(canary)' : ''}${entry.fallback ? '(fallback)' : ''}${entry.backup ? '(backup)' : ''}`;
  const upstream = entry.upstreamId === '' ? '-' : `${text(entry.upstreamId)}${mark}`;
  return (
    `${text(entry.clientIp)} - - [${clfTime(entry.timeMs)}] "${text(entry.method)} ${text(entry.target, MAX_TARGET)} ` +
    `${text(entry.protocol)}" ${number(entry.status)} ${number(entry.responseBytes)} "${text(entry.referer)}" ` +
    `"${text(entry.userAgent)}" "${text(entry.host)}" ${number(entry.requestBytes)} ${seconds(entry.durationMs)} ` +
    `${seconds(entry.upstreamMs)} "${text(entry.routeId)}" ${upstream} ${text(entry.endpointId)} ` +
    `${number(entry.attempts)} ${text(entry.requestId)} ${text(entry.outcome)} ${text(entry.split)} ` +
    `${entry.bucket < 0 ? '-' : number(entry.bucket)}\n`
  );
}

/** NaN and infinities are no JSON, and a broken number must not cost the line. Three decimals are enough for milliseconds. */
function number(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Number.isFinite(value) ? String(Math.round(value * 1000) / 1000) : '0';
}

function seconds(durationMs: number): string {
  return durationMs >= 0 && Number.isFinite(durationMs) ? (durationMs / 1000).toFixed(3) : '-';
}

function json(value: string, limit: number = MAX_TEXT): string {
  const kept = value.length > limit ? value.slice(0, limit) : value;
  // Printable ASCII without `"` and `\` is nearly every value; JSON.stringify knows the rest, lone surrogates included.
  return isPlain(kept) ? `"${kept}"` : JSON.stringify(kept).replace(DELETE_AND_C1, jsonEscape);
}

/** Valid inside JSON, but not for a terminal. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const DELETE_AND_C1 = /[\u007f-\u009f]/g;

function jsonEscape(character: string): string {
  return `\\u00${character.charCodeAt(0).toString(16)}`;
}

/** `-` for nothing; otherwise printable ASCII only, with `"`, `\` and everything else as `\xHH` or `\uHHHH`, as nginx does. */
function text(value: string, limit: number = MAX_TEXT): string {
  if (value === '') return '-';
  const kept = value.length > limit ? value.slice(0, limit) : value;
  return isPlain(kept) ? kept : kept.replace(NOT_PLAIN, textEscape);
}

const NOT_PLAIN = /[^ !#-[\]-~]/g;

function textEscape(character: string): string {
  const code = character.charCodeAt(0);
  const hex = code.toString(16).toUpperCase();
  return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
}

function isPlain(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return false;
  }
  return true;
}

// Requests of the same second share most of their time stamp, and `toISOString` is the dearest part of a line.
let isoSecond = -1;
let isoPrefix = '';

function isoTime(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  if (second !== isoSecond) {
    isoPrefix = new Date(second * 1000).toISOString().slice(0, 20);
    isoSecond = second;
  }
  return `${isoPrefix}${String(Math.floor(timeMs - second * 1000)).padStart(3, '0')}Z`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let clfSecond = -1;
let clfText = '';

/** `21/Nov/2026:08:10:33 +0000`: always UTC, so that lines of several machines sort. */
function clfTime(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  if (second !== clfSecond) {
    const iso = new Date(second * 1000).toISOString();
    const month = MONTHS[Number(iso.slice(5, 7)) - 1] ?? '';
    clfText = `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
    clfSecond = second;
  }
  return clfText;
}
