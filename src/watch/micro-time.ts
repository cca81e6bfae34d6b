/** `MicroTime` of the API: exactly six digits of a second, no more and no fewer, or the server answers 400. */

/** `at`: milliseconds since 1970. */
export function toMicroTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z');
}
