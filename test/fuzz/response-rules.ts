/** Why a response had to be refused: the rules of response heads as a second, independent and slow implementation. */
import { type Field, fieldsOf, type Rule, ruleOfChunked, ruleOfFraming, valuesOf } from './field-rules.ts';

/** The request a response answers, as far as it decides what the response means. */
export type Asked = 'get' | 'head' | 'upgrade';

/** What the request with an upgrade offered. */
export const OFFER = 'websocket';

const MAX_INTERIM = 32;

/** @param text the stream from where the response begins */
export function ruleOfResponse(text: string, asked: Asked, maxFields: number): Rule | null {
  let rest = text;
  for (let interim = 0; ; interim++) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd === -1) return ruleOfPartialHead(rest);
    const head = rest.slice(0, headEnd + 2);
    const status = /^HTTP\/1\.[01] (\d{3})(?: [\t -\x7e\x80-\xff]*)?\r\n/.exec(head)?.[1];
    if (status === undefined) return 'status line';
    if (!/^[1-5]/.test(status)) return 'status';
    const fields = fieldsOf(head.slice(head.indexOf('\r\n') + 2));
    if (typeof fields === 'string') return fields;
    if (fields.length > maxFields) return 'number of fields';
    const rule = ruleOfFields(fields);
    if (rule !== null) return rule;
    if (status.startsWith('1') && announcesBody(fields)) return 'interim response with a body';
    rest = rest.slice(headEnd + 4);
    if (status === '101') return isOffered(fields, asked) ? null : 'switch without offer';
    if (!status.startsWith('1')) return hasChunkedBody(fields, status, asked) ? ruleOfChunked(rest) : null;
    if (interim === MAX_INTERIM) return 'number of interim responses';
  }
}

function ruleOfPartialHead(text: string): Rule | null {
  if (/(^|[^\r])\n/.test(text)) return 'bare LF';
  return /\r[^\n]/.test(text) ? 'bare CR' : null;
}

function ruleOfFields(fields: readonly Field[]): Rule | null {
  const framing = ruleOfFraming(fields);
  if (framing !== null) return framing;
  return new Set(valuesOf(fields, 'content-length')).size > 1 ? 'repeated Content-Length' : null;
}

function announcesBody(fields: readonly Field[]): boolean {
  const lengths = valuesOf(fields, 'content-length');
  return valuesOf(fields, 'transfer-encoding').length > 0 || lengths.some((value) => value !== '0');
}

function isOffered(fields: readonly Field[], asked: Asked): boolean {
  const chosen = valuesOf(fields, 'upgrade').at(-1) ?? '';
  return asked === 'upgrade' && /^[, \t]*websocket([ \t]*,[, \t]*websocket)*[, \t]*$/i.test(chosen);
}

function hasChunkedBody(fields: readonly Field[], status: string, asked: Asked): boolean {
  if (asked === 'head' || status === '204' || status === '304') return false;
  return valuesOf(fields, 'transfer-encoding').length > 0;
}

/** Whether the final response has both a coding and a length. */
export function announcesTwice(text: string): boolean {
  const final = text.replace(/^(HTTP\/1\.[01] 1[^]*?\r\n\r\n)*/, '');
  const head = final.slice(0, final.indexOf('\r\n\r\n') + 2);
  return /\r\ncontent-length:/i.test(head) && /\r\ntransfer-encoding:/i.test(head);
}
