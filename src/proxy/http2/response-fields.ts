/**
 * Response heads as the raw field list `node:http2` takes: names and values in turn, names in lower case, `:status` first.
 * Hot.
 */
import type { CoarseClock } from '../coarse-clock.ts';
import type { LocalResponse } from '../error-response.ts';
import { PASS } from '../http1/field-table.ts';
import type { ResponseHead } from '../http1/response-head.ts';

/** `Date: `, and the CRLF at the end of the line. */
const DATE_NAME_CHARS = 6;
const CRLF_CHARS = 2;

export function toResponseFields(head: ResponseHead, clock: CoarseClock): string[] {
  const list = [':status', String(head.status)];
  // 205 promises that there is no content; a length beside it would be one that is not kept.
  addPassing(list, head, head.status === 205);
  if (!head.hasServer) list.push('server', 'sluice');
  if (!head.hasDate) list.push('date', dateOf(clock));
  return list;
}

/** A 1xx head; the library takes an object here. Repeated fields become lists, which it writes as separate lines. */
export function toInformationalFields(head: ResponseHead): Record<string, string | string[]> {
  const list: string[] = [];
  addPassing(list, head, true);
  const fields = Object.create(null) as Record<string, string | string[]>;
  fields[':status'] = String(head.status);
  for (let at = 0; at < list.length; at += 2) {
    const name = list[at] as string;
    const value = list[at + 1] as string;
    const known = fields[name];
    if (known === undefined) fields[name] = value;
    else if (typeof known === 'string') fields[name] = [known, value];
    else known.push(value);
  }
  return fields;
}

export function toLocalFields(response: LocalResponse, clock: CoarseClock): string[] {
  const list = [':status', String(response.status)];
  for (const line of response.fields.split('\r\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) list.push(line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
  }
  list.push('server', 'sluice', 'date', dateOf(clock));
  return list;
}

/** What belongs to one connection was dropped when the head was judged, except for a field only HTTP/2 knows as such. */
function addPassing(list: string[], { fields }: ResponseHead, withoutLength: boolean): void {
  for (let index = 0; index < fields.count; index++) {
    if (fields.kinds[index] !== PASS) continue;
    const name = fields.name(index).toLowerCase();
    if (name === 'http2-settings' || (withoutLength && name === 'content-length')) continue;
    list.push(name, fields.value(index));
  }
}

function dateOf(clock: CoarseClock): string {
  return clock.dateLine.slice(DATE_NAME_CHARS, -CRLF_CHARS);
}
