/**
 * Collects narrowed objects and makes `ObjectSnapshot`s of them: what did not change is shared with the snapshot before.
 * Knows nothing of where the objects come from or when a snapshot is wanted.
 */
import type { ObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type {
  EndpointSliceObject,
  IngressClassObject,
  IngressObject,
  ServiceObject,
  TlsSecretObject,
} from '../model/objects.ts';
import { PiecewiseMap } from '../model/piecewise-map.ts';
import type { Problem } from '../model/problem.ts';
import { sameContent } from '../model/same-content.ts';
import { SliceGroups } from './slice-groups.ts';

/** What a snapshot is made of. `Endpoints` holds all slices that one Endpoints object became. */
export interface SnapshotObjects {
  readonly Ingress: IngressObject;
  readonly IngressClass: IngressClassObject;
  readonly Service: ServiceObject;
  readonly EndpointSlice: EndpointSliceObject;
  readonly Endpoints: readonly EndpointSliceObject[];
  readonly Secret: TlsSecretObject;
}

export type SnapshotKind = keyof SnapshotObjects;

/** Null removes; returns whether anything changed. */
interface ObjectStore<T> {
  set(key: ObjectKey, object: T | null): boolean;
}

/** What differs from the last built snapshot. */
export type SnapshotChange = 'nothing' | 'endpoints' | 'everything';

/**
 * ```
 * const builder = new SnapshotBuilder();
 * builder.set('Ingress', 'shop/web', value, problems);   // any number of times, null removes
 * if (builder.change !== 'nothing') emit(builder.build());
 * ```
 * A changed `resourceVersion` alone is no change (our own status writes come back as events), except on EndpointSlices,
 * where it decides between contradicting slices.
 */
export class SnapshotBuilder {
  readonly #ingresses = new KeptMap<IngressObject>();
  readonly #classes = new KeptMap<IngressClassObject>();
  readonly #services = new KeptMap<ServiceObject>();
  readonly #secrets = new KeptMap<TlsSecretObject>();
  readonly #slices = new SliceGroups();
  readonly #stores: { readonly [K in SnapshotKind]: ObjectStore<SnapshotObjects[K]> } = {
    Ingress: this.#ingresses,
    IngressClass: this.#classes,
    Service: this.#services,
    EndpointSlice: { set: (key, slice) => this.#slices.setSlice(key, slice) },
    Endpoints: { set: (key, slices) => this.#slices.setEndpoints(key, slices) },
    Secret: this.#secrets,
  };
  readonly #problems = new KeptMap<readonly Problem[]>();
  #problemOwners: ReadonlyMap<string, readonly Problem[]> | null = null;
  #problemList: readonly Problem[] = [];
  #classesReadable = true;
  #change: SnapshotChange = 'everything';
  #revision = 0;
  #last: ObjectSnapshot | null = null;

  /** What `build` would show that the last built snapshot does not. `everything` before the first `build`. */
  get change(): SnapshotChange {
    return this.#change;
  }

  /**
   * Puts, replaces or (null) removes an object, together with what is wrong with it. `key` is `ns/name` (`name` for
   * IngressClasses), also where narrowing failed and only Problems are left. Content equal to what is there keeps the old
   * object. Returns whether anything changed.
   */
  set<K extends SnapshotKind>(
    kind: K,
    key: ObjectKey,
    object: SnapshotObjects[K] | null,
    problems: readonly Problem[] = [],
  ): boolean {
    const changed = this.#stores[kind].set(key, object);
    if (changed) this.#mark(kind === 'EndpointSlice' || kind === 'Endpoints' ? 'endpoints' : 'everything');
    return this.setProblems(`${kind} ${key}`, problems) || changed;
  }

  /** Problems that belong to no single object (an unreadable file, a denied resource). An empty list removes them. */
  setProblems(owner: string, problems: readonly Problem[]): boolean {
    const changed = this.#problems.set(owner, problems.length === 0 ? null : problems);
    if (changed) this.#mark('everything');
    return changed;
  }

  /** False where the source may not read IngressClasses: snapshots then hold null for them. */
  setClassesReadable(readable: boolean): void {
    if (readable !== this.#classesReadable) this.#mark('everything');
    this.#classesReadable = readable;
  }

  build(): ObjectSnapshot {
    const endpointsOnly = this.#change !== 'everything';
    this.#change = 'nothing';
    this.#revision++;
    this.#last = {
      revision: this.#revision,
      ingresses: this.#ingresses.share(),
      ingressClasses: this.#classesReadable ? this.#classes.share() : null,
      services: this.#services.share(),
      endpointSlices: this.#slices.share(),
      tlsSecrets: this.#secrets.share(),
      staticConfig: null,
      problems: this.#sortedProblems(),
      endpointsOnly,
    };
    return this.#last;
  }

  /** The last snapshot with the newest endpoints; whatever else changed goes on waiting for `build`. */
  buildEndpoints(): ObjectSnapshot {
    if (this.#last === null || this.#change !== 'everything') return this.build();
    this.#revision++;
    this.#last = {
      ...this.#last,
      revision: this.#revision,
      endpointSlices: this.#slices.share(),
      endpointsOnly: true,
    };
    return this.#last;
  }

  /** The same list again while it is the same. */
  #sortedProblems(): readonly Problem[] {
    const byOwner = this.#problems.share();
    if (byOwner !== this.#problemOwners) this.#problemList = sortedByOwner(byOwner);
    this.#problemOwners = byOwner;
    return this.#problemList;
  }

  #mark(change: SnapshotChange): void {
    if (this.#change !== 'everything') this.#change = change;
  }
}

/** Independent of the order in which things arrived. */
function sortedByOwner(problems: ReadonlyMap<string, readonly Problem[]>): readonly Problem[] {
  return [...problems].toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, list]) => list);
}

/** Hands out what it holds as a map that never changes, and the same one again while nothing does. */
class KeptMap<T extends object> implements ObjectStore<T> {
  #shared: PiecewiseMap<T> = PiecewiseMap.empty();
  /** What differs from it by now; null = gone. */
  #changes = new Map<string, T | null>();

  set(key: string, value: T | null): boolean {
    const known = this.#changes.get(key) ?? (this.#changes.has(key) ? undefined : this.#shared.get(key));
    if (value === null ? known === undefined : known !== undefined && isSame(known, value)) return false;
    this.#changes.set(key, value);
    return true;
  }

  share(): ReadonlyMap<string, T> {
    if (this.#changes.size > 0) this.#shared = this.#shared.with(this.#changes);
    this.#changes = new Map();
    return this.#shared;
  }
}

function isSame(a: object, b: object): boolean {
  return a === b || isSameContent(a, b);
}

function isSameContent(a: object, b: object): boolean {
  if (Array.isArray(a)) return sameContent(a, b);
  return sameContent({ ...a, resourceVersion: '' }, { ...b, resourceVersion: '' });
}
