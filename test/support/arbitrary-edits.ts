/** Snapshots that follow one another as those of a source do: what an edit leaves alone is the same object in both. */
import * as fc from 'fast-check';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { ServiceObject } from '../../src/model/objects.ts';
import { arbitraryNeighbour, arbitraryNeighbours, TOWN } from './arbitrary-neighbours.ts';
import { arbitrarySlices, arbitrarySnapshot } from './arbitrary-snapshot.ts';
import { ingressClass, service, servicePort, snapshot, tlsSecret } from './fixtures.ts';

const KINDS = ['ingresses', 'services', 'endpointSlices', 'tlsSecrets'] as const;

type EditedKind = (typeof KINDS)[number];

interface Edit {
  /** Its objects are put into the snapshot. */
  readonly source: ObjectSnapshot;
  readonly kinds: readonly EditedKind[];
  /** Place of an object of each of these kinds that is taken out before, if there is one. */
  readonly removed: number;
  readonly classes: Classes;
}

type Classes = 'same' | ObjectSnapshot['ingressClasses'];

const classes: fc.Arbitrary<Classes> = fc.oneof(
  { weight: 9, arbitrary: fc.constant('same' as const) },
  { weight: 1, arbitrary: fc.constantFrom(null, snapshot({ classes: [] }).ingressClasses) },
  {
    weight: 1,
    arbitrary: fc.constant(
      snapshot({ classes: [ingressClass('sluice', 'sluice.dev/ingress-controller')] }).ingressClasses,
    ),
  },
);

const edits: fc.Arbitrary<Edit> = fc.record({
  source: arbitrarySnapshot,
  kinds: fc.subarray([...KINDS]),
  removed: fc.nat(5),
  classes,
});

/** Of anything to anything, most of it wrong. */
export const arbitraryEdits: fc.Arbitrary<readonly ObjectSnapshot[]> = sequences(arbitrarySnapshot, edits, 5);

const serviceNames = fc.constantFrom('one/a', 'one/b', 'one/c', 'one/d', 'two/a');

const editedServices: fc.Arbitrary<ServiceObject> = fc
  .record({
    key: serviceNames,
    backup: fc.constantFrom('', '', '', 'a:80', 'b:80', 'c:http'),
    balancer: fc.constantFrom('', '', 'random'),
    appProtocol: fc.constantFrom('', '', 'https'),
    port: fc.constantFrom(80, 80, 81),
  })
  .map(({ key, backup, balancer, appProtocol, port }) => {
    const annotations = { 'sluice.dev/backup-service': backup, 'sluice.dev/balancer': balancer };
    const written = Object.entries(annotations).filter(([, value]) => value !== '');
    const ports = [servicePort(port, { name: 'http', appProtocol })];
    return service(key, { ports, annotations: Object.fromEntries(written) });
  });

const townEdits: fc.Arbitrary<Edit> = fc.record({
  source: fc
    .record({
      ingresses: fc.array(arbitraryNeighbour(TOWN), { maxLength: 2 }),
      services: fc.array(editedServices, { maxLength: 2 }),
      slices: arbitrarySlices,
      secrets: fc.array(
        fc
          .tuple(fc.constantFrom('one/a', 'one/b', 'two/b'), fc.constantFrom('a.example', 'b.example', 'other.example'))
          .map(([key, name]) => tlsSecret(key, name)),
        { maxLength: 1 },
      ),
    })
    .map((parts) => snapshot(parts)),
  // Mostly one thing at a time.
  kinds: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...KINDS.map((kind) => [kind])) }, fc.subarray([...KINDS])),
  removed: fc.nat(12),
  classes,
});

/** Of objects that are mostly right in themselves, and meet in hosts, Services and Secrets. */
export const arbitraryTownEdits: fc.Arbitrary<readonly ObjectSnapshot[]> = sequences(
  arbitraryNeighbours(TOWN),
  townEdits,
  12,
);

function sequences(
  first: fc.Arbitrary<ObjectSnapshot>,
  changes: fc.Arbitrary<Edit>,
  maxLength: number,
): fc.Arbitrary<readonly ObjectSnapshot[]> {
  return fc.tuple(first, fc.array(changes, { minLength: 1, maxLength })).map(([start, list]) => {
    const snapshots = [{ ...start, revision: 1 }];
    for (const edit of list) snapshots.push(applyEdit(snapshots.at(-1) ?? start, edit));
    return snapshots;
  });
}

function applyEdit(before: ObjectSnapshot, { source, kinds, removed, classes: edited }: Edit): ObjectSnapshot {
  const after: Partial<Record<EditedKind, ReadonlyMap<string, unknown>>> = {};
  for (const kind of kinds) {
    const objects = new Map<string, unknown>(before[kind]);
    const gone = [...objects.keys()][removed];
    if (gone !== undefined) objects.delete(gone);
    // Not all of them: most edits touch few objects.
    for (const [key, object] of [...source[kind]].slice(0, 2)) objects.set(key, object);
    after[kind] = objects;
  }
  return {
    ...before,
    ...(after as Partial<ObjectSnapshot>),
    ingressClasses: edited === 'same' ? before.ingressClasses : edited,
    revision: before.revision + 1,
    endpointsOnly: edited === 'same' && kinds.every((kind) => kind === 'endpointSlices'),
  };
}
