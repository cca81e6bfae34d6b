/**
 * What it costs that something comes and soon goes, the collection of what it was included. The collections are old, as
 * those of a program are that has run for a while. Baselines: a `Set`, a `Map`.
 */
import { paceCollections } from '../../src/cli/collection-pace.ts';
import { exposeCollector } from '../../src/cli/exposed-collector.ts';
import { Roster, type RosterEntry } from '../../src/model/roster.ts';
import { StreamIndex } from '../../src/proxy/http2/stream-index.ts';
import { type BenchCase, defineCases, type Repeat } from './harness.ts';

/** There at a time. */
const PRESENT = 8;
/** Objects, about as many as a connection or a stream is made of. */
const PARTS = 40;

/** One more than are there, as the next comes before the oldest goes. */
const RING = PRESENT + 1;

interface Part {
  readonly id: number;
  readonly next: Part | null;
}

type Thing = Part;

function toThing(id: number): Thing {
  let thing: Part = { id, next: null };
  for (let part = 1; part < PARTS; part++) thing = { id, next: thing };
  return thing;
}

function churn(add: (id: number, thing: Thing) => void, remove: (id: number) => void): Repeat {
  paceCollections();
  let id = 0;
  const step = (): void => {
    id++;
    add(id, toThing(id));
    if (id > PRESENT) remove(id - PRESENT);
  };
  for (let at = 0; at < PRESENT; at++) step();
  exposeCollector()?.({ type: 'major', execution: 'sync' });
  return (count) => {
    for (let at = 0; at < count; at++) step();
    return id;
  };
}

function inSet(): Repeat {
  const set = new Set<Thing>();
  const present: (Thing | null)[] = Array.from({ length: RING }, () => null);
  return churn(
    (id, thing) => {
      set.add(thing);
      present[id % RING] = thing;
    },
    (id) => {
      set.delete(present[id % RING] as Thing);
    },
  );
}

function inRoster(): Repeat {
  const roster = new Roster<Thing>();
  const present: (RosterEntry<Thing> | null)[] = Array.from({ length: RING }, () => null);
  return churn(
    (id, thing) => {
      present[id % RING] = roster.add(thing);
    },
    (id) => present[id % RING]?.leave(),
  );
}

function inMap(): Repeat {
  const map = new Map<number, Thing>();
  return churn(
    (id, thing) => map.set(2 * id + 1, thing),
    (id) => map.delete(2 * id + 1),
  );
}

function inIndex(): Repeat {
  const index = new StreamIndex<Thing>();
  return churn(
    (id, thing) => index.add(2 * id + 1, thing),
    (id) => index.remove(2 * id + 1),
  );
}

export const cases: readonly BenchCase[] = defineCases([
  { name: 'set', setup: inSet },
  { name: 'roster', baseline: 'set', setup: inRoster },
  { name: 'map by id', setup: inMap },
  { name: 'stream index', baseline: 'map by id', setup: inIndex },
]);
