/** Finds the known name a typing error was probably meant to be. */

/** Longer keys are no typing errors, and the distance costs the product of both lengths. */
const MAX_LENGTH = 63;

/** Null when nothing is near enough to be worth mentioning: a third of the length may differ, at most 4 characters. */
export function suggestName(unknown: string, known: Iterable<string>): string | null {
  if (unknown.length > MAX_LENGTH) return null;
  const limit = Math.min(4, Math.max(1, Math.floor(unknown.length / 3)));
  let nearest: string | null = null;
  let nearestDistance = limit + 1;
  for (const name of known) {
    if (Math.abs(name.length - unknown.length) >= nearestDistance) continue;
    const distance = editDistance(unknown, name);
    if (distance < nearestDistance) {
      nearest = name;
      nearestDistance = distance;
    }
  }
  return nearest;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let best = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + (isSame ? 0 : 1));
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) best = Math.min(best, at(beforeLast, column - 2) + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
