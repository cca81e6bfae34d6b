/** Snapshots that follow one another as those of a source do: what an edit leaves alone is the same object in both. */
import * as fc from 'fast-check';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import { arbitrarySnapshot } from './arbitrary-snapshot.ts';

const KINDS = ['ingresses', 'services', 'endpointSlices', 'tlsSecrets'] as const;

type EditedKind = (typeof KINDS)[number];

interface Edit {
  /** Its objects are put into the snapshot. */
  readonly source: ObjectSnapshot;
  readonly kinds: readonly EditedKind[];
  /** Place of an object of each of these kinds that is taken out before, if there is one. */
  readonly removed: number;
}

const edits: fc.Arbitrary<Edit> = fc.record({
  source: arbitrarySnapshot,
  kinds: fc.subarray([...KINDS]),
  removed: fc.nat(5),
});

export const arbitraryEdits: fc.Arbitrary<readonly ObjectSnapshot[]> = fc
  .tuple(arbitrarySnapshot, fc.array(edits, { minLength: 1, maxLength: 5 }))
  .map(([first, changes]) => {
    const snapshots = [{ ...first, revision: 1 }];
    for (const edit of changes) snapshots.push(applyEdit(snapshots.at(-1) ?? first, edit));
    return snapshots;
  });

function applyEdit(before: ObjectSnapshot, { source, kinds, removed }: Edit): ObjectSnapshot {
  const after: Partial<Record<EditedKind, ReadonlyMap<string, unknown>>> = {};
  for (const kind of kinds) {
    const objects = new Map<string, unknown>(before[kind]);
    const gone = [...objects.keys()][removed];
    if (gone !== undefined) objects.delete(gone);
    // Not all of them: most edits touch few objects.
    for (const [key, object] of [...source[kind]].slice(0, 2)) objects.set(key, object);
    after[kind] = objects;
  }
  return { ...before, ...(after as Partial<ObjectSnapshot>), revision: before.revision + 1 };
}
