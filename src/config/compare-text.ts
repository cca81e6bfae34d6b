/** Orders text by code units: the same on every machine, unlike a comparison that knows languages. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
