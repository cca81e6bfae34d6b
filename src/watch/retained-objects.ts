/**
 * Objects of an earlier run that stand in for a resource which may not be read. API servers that have just started forbid
 * for a moment what they will grant: certificates that were served before must not go for that.
 */
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { ResourceScope, ResourceWatch } from './resource-watch.ts';
import type { SnapshotBuilder, SnapshotObjects } from './snapshot.ts';

/** Nothing is served without the other resources, so they need no stand-in. */
type RetainedKind = 'IngressClass' | 'Secret';

export class RetainedObjects {
  readonly #builder: SnapshotBuilder;
  #earlier: ObjectSnapshot | null;
  /** Scopes that our objects stand in for, with the keys of these. */
  readonly #standIns: Map<ResourceScope, readonly string[]>;

  constructor(earlier: ObjectSnapshot | null, builder: SnapshotBuilder) {
    this.#builder = builder;
    this.#earlier = earlier;
    this.#standIns = new Map();
  }

  /** Puts objects in, or takes them back, as the state of `watch` asks for. Follows the changes that belong to it. */
  update(watch: ResourceWatch): void {
    const { kind } = watch.resource;
    if (kind !== 'IngressClass' && kind !== 'Secret') return;
    for (const scope of watch.scopes) {
      const { synced, denied } = scope.reflector.status();
      if (synced) this.#takeBack(kind, scope);
      else if (denied !== null && !this.#standIns.has(scope)) this.#standIn(kind, scope);
    }
  }

  has(scope: ResourceScope): boolean {
    return this.#standIns.has(scope);
  }

  /** Everything could be read, or is known to be forbidden: from now on what was read stays in force by itself. */
  release(): void {
    this.#earlier = null;
  }

  #standIn(kind: RetainedKind, scope: ResourceScope): void {
    if (kind === 'Secret') this.#put(kind, this.#earlier?.tlsSecrets ?? null, scope);
    else this.#put(kind, this.#earlier?.ingressClasses ?? null, scope);
  }

  #put<K extends RetainedKind>(kind: K, objects: ReadonlyMap<string, SnapshotObjects[K]> | null, scope: ResourceScope) {
    if (objects === null) return;
    const keys: string[] = [];
    for (const [key, object] of objects) {
      if (scope.namespace !== '' && scope.namespace !== object.namespace) continue;
      this.#builder.set(kind, key, object);
      keys.push(key);
    }
    this.#standIns.set(scope, keys);
  }

  #takeBack(kind: RetainedKind, scope: ResourceScope): void {
    const keys = this.#standIns.get(scope);
    if (keys === undefined) return;
    this.#standIns.delete(scope);
    const present = new Set(scope.reflector.keys());
    for (const key of keys) if (!present.has(key)) this.#builder.set(kind, key, null);
  }
}
