/**
 * Methods that nearly all requests have, found by their bytes: no text is made of them, and comparing one to another is
 * comparing two pointers.
 * Hot.
 */
import { hasText } from './has-text.ts';

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
  for (const method of METHODS[end - start] ?? NONE) if (hasText(bytes, start, method)) return method;
  return null;
}
