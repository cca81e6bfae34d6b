/** Compares plain data by content, and by identity first: parts that two values share cost nothing. */

/**
 * Whether two values of JSON types are deeply equal. An absent field and one that is undefined differ. It is many times
 * faster than `isDeepStrictEqual`, which minds prototypes, cycles and collections that plain data has none of.
 */
export function sameContent(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && sameItems(a, b);
  return !Array.isArray(b) && sameFields(a as PlainObject, b as PlainObject);
}

type PlainObject = Readonly<Record<string, unknown>>;

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (!sameContent(a[at], b[at])) return false;
  return true;
}

function sameFields(a: PlainObject, b: PlainObject): boolean {
  let fields = 0;
  for (const name in a) {
    if (!Object.hasOwn(b, name) || !sameContent(a[name], b[name])) return false;
    fields++;
  }
  for (const _ in b) fields--;
  return fields === 0;
}
