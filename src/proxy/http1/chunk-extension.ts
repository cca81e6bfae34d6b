/**
 * Grammar of chunk extensions (RFC 9112 §7.1.1): `;name`, `;name=token`, `;name="quoted"`, repeated. What they say is not
 * used; they are checked because a reader that takes a malformed one for something else sees other chunks than we do.
 */
import { CR, FIELD_VALUE, TOKEN } from './char-classes.ts';

/** Behind a `;`: where an extension begins. */
export const EXTENSION_START = 0;
/** The CR of the line's end has come. */
export const EXTENSIONS_END = 1;
export const EXTENSION_BROKEN = 2;
const NAME = 3;
const VALUE_START = 4;
const VALUE = 5;
const QUOTED = 6;
const QUOTED_PAIR = 7;
const QUOTED_END = 8;

const QUOTE = 34;
const SEMICOLON = 59;
const EQUALS = 61;
const BACKSLASH = 92;

/** No blanks around `;` and `=`: the grammar allows them only for receivers that want to be lenient. */
export function nextExtensionState(state: number, byte: number): number {
  switch (state) {
    case EXTENSION_START:
      return TOKEN[byte] === 0 ? EXTENSION_BROKEN : NAME;
    case NAME:
      if (byte === EQUALS) return VALUE_START;
      return TOKEN[byte] === 0 ? behindExtension(byte) : NAME;
    case VALUE_START:
      if (byte === QUOTE) return QUOTED;
      return TOKEN[byte] === 0 ? EXTENSION_BROKEN : VALUE;
    case VALUE:
      return TOKEN[byte] === 0 ? behindExtension(byte) : VALUE;
    case QUOTED:
      if (byte === QUOTE) return QUOTED_END;
      if (byte === BACKSLASH) return QUOTED_PAIR;
      return FIELD_VALUE[byte] === 1 ? QUOTED : EXTENSION_BROKEN;
    case QUOTED_PAIR:
      return FIELD_VALUE[byte] === 1 ? QUOTED : EXTENSION_BROKEN;
    default:
      return behindExtension(byte);
  }
}

function behindExtension(byte: number): number {
  if (byte === SEMICOLON) return EXTENSION_START;
  return byte === CR ? EXTENSIONS_END : EXTENSION_BROKEN;
}
