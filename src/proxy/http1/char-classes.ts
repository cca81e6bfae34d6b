/** Byte classes of RFC 9110/9112 as lookup tables. Indexed by bytes, or by char codes of latin1 text. */

export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
export const COLON = 58;

function table(accept: (code: number) => number): Uint8Array {
  const classes = new Uint8Array(256);
  for (let code = 0; code < 256; code++) classes[code] = accept(code);
  return classes;
}

/** tchar (RFC 9110 §5.6.2): 1, and 2 for `_`, which aliases `-` in too many back ends to be passed on. */
export const TOKEN: Uint8Array = table((code) => {
  const char = String.fromCharCode(code);
  if (char === '_') return 2;
  return /[!#$%&'*+\-.^`|~0-9A-Za-z]/.test(char) ? 1 : 0;
});

/** field-vchar, obs-text, SP and HTAB (RFC 9110 §5.5). */
export const FIELD_VALUE: Uint8Array = table((code) => (code === HTAB || (code >= SP && code !== 127) ? 1 : 0));

export const MAY_NEED_NORMALISING = 2;
export const QUESTION_MARK = 4;

/** Bytes of a request target: visible ASCII without `#`. Bits mark those that more must be done about, or the query begins with. */
export const TARGET: Uint8Array = table((code) => {
  if (code < 0x21 || code > 0x7e || code === 35) return 0;
  if (code === 63) return QUESTION_MARK;
  return code === 37 || code === 46 ? MAY_NEED_NORMALISING : 1;
});

/** Bytes of a registered name or IPv4 address (RFC 3986 §3.2.2) that a real host name can have. */
export const HOST_NAME: Uint8Array = table((code) => (/[A-Za-z0-9._-]/.test(String.fromCharCode(code)) ? 1 : 0));

/** Value of a hexadecimal digit, 255 for anything else. */
export const HEX_VALUE: Uint8Array = table((code) => {
  const digit = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(digit) ? 255 : digit;
});
