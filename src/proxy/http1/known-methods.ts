/**
 * Methods that nearly all requests have, found by their bytes: no text is made of them, and comparing one to another is
 * comparing two pointers.
 * Hot.
 */

/** By length. */
const METHODS: readonly (readonly string[])[] = [
  [],
  [],
  [],
  ['GET', 'PUT'],
  ['POST', 'HEAD'],
  ['PATCH'],
  ['DELETE'],
  ['OPTIONS'],
];

const NONE: readonly string[] = [];

/** The method in bytes `[start, end)`; null where it is none of these. */
export function findMethod(bytes: Buffer, start: number, end: number): string | null {
  for (const method of METHODS[end - start] ?? NONE) if (equals(bytes, start, method)) return method;
  return null;
}

function equals(bytes: Buffer, start: number, method: string): boolean {
  for (let at = 0; at < method.length; at++) if (bytes[start + at] !== method.charCodeAt(at)) return false;
  return true;
}
