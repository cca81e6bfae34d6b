/** Order of Kubernetes resource versions: decimal strings of any length (KEP-5504), never numbers. */

const DECIMAL = /^(?:0|[1-9][0-9]*)$/;

/** Null when the two cannot be ordered: then only equality may be asked. */
export function compareResourceVersions(a: string, b: string): -1 | 0 | 1 | null {
  if (a === b) return 0;
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return null;
  if (a.length !== b.length) return a.length < b.length ? -1 : 1;
  return a < b ? -1 : 1;
}
