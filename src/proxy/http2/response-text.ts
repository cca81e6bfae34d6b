/**
 * Judges what only HTTP/2 asks of a response head (RFC 9113 §8.2, §8.3.2) and spells the rest as HTTP/1.1, so that one
 * parser decides what a response means, whichever protocol it came in.
 * Hot.
 */
import { isFieldValue, judgeName } from './field-rules.ts';

const DIGIT_ZERO = 48;

/**
 * @param fields names and values in turn, as they were decoded
 * @returns the head with the empty line at its end; '' when the response is malformed
 */
export function toResponseText(fields: readonly string[]): string {
  const status = fields[1];
  if (fields[0] !== ':status' || status === undefined || !isStatus(status)) return '';
  let text = `HTTP/1.1 ${status} \r\n`;
  for (let at = 2; at < fields.length; at += 2) {
    const name = fields[at] as string;
    const value = fields[at + 1] as string;
    // No name has a colon, so a second pseudo-field is none.
    if (judgeName(name) === 0 || isOfConnection(name) || !isFieldValue(value)) return '';
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

/** 100 to 599, except 101: no response of HTTP/2 switches protocols (RFC 9113 §8.6). */
function isStatus(text: string): boolean {
  if (text.length !== 3 || text === '101') return false;
  const first = text.charCodeAt(0) - DIGIT_ZERO;
  return first >= 1 && first <= 5 && isDigit(text.charCodeAt(1)) && isDigit(text.charCodeAt(2));
}

function isDigit(code: number): boolean {
  return code >= DIGIT_ZERO && code <= DIGIT_ZERO + 9;
}

/** RFC 9113 §8.2.2: a message with one of these is malformed. */
function isOfConnection(name: string): boolean {
  switch (name) {
    case 'connection':
    case 'keep-alive':
    case 'proxy-connection':
    case 'transfer-encoding':
    case 'upgrade':
    case 'te':
      return true;
    default:
      return false;
  }
}
