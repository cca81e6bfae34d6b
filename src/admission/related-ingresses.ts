/**
 * Which other Ingresses decide what the compiler says about one: compiling it together with these gives the same Problems
 * as compiling it together with all. Follows the passes of `config/compile.ts`; a property test holds it to them.
 */
import { toRouteId } from '../config/draft.ts';
import { isOurs } from '../config/ingress-class.ts';
import { compareAge } from '../config/passes/select-ingresses.ts';
import type { CompileSettings } from '../model/compile-settings.ts';
import type { ObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { IngressObject } from '../model/objects.ts';
import type { IndexedIngress, IngressIndex } from './ingress-index.ts';

export interface RelatedScope {
  readonly index: IngressIndex;
  readonly classes: ObjectSnapshot['ingressClasses'];
  readonly settings: CompileSettings;
}

/**
 * `versions`: the same Ingress before and after a change, or only one of them. It is not among the results, in whatever
 * version the index holds it.
 */
export function findRelated(
  scope: RelatedScope,
  versions: readonly IndexedIngress[],
): ReadonlyMap<ObjectKey, IngressObject> {
  const related = new Map<ObjectKey, IngressObject>();
  const key = versions[0]?.object.key ?? '';
  for (const version of versions) addNeighbours(scope, version, { key, related });
  // A setting of an upstream belongs to the oldest who asks for it and whose path is served: that depends on the
  // neighbours of each who asks.
  for (const service of new Set(versions.flatMap((version) => version.claims))) {
    for (const claimant of scope.index.claimantsOf(service)) {
      if (claimant.object.key === key) continue;
      related.set(claimant.object.key, claimant.object);
      addNeighbours(scope, claimant, { key, related });
    }
  }
  return related;
}

interface Collection {
  /** Of the Ingress that is looked at. */
  readonly key: ObjectKey;
  readonly related: Map<ObjectKey, IngressObject>;
}

function addNeighbours(scope: RelatedScope, { hosts, routes }: IndexedIngress, collection: Collection): void {
  for (const route of routes) addAll(scope.index.onRoute(route), collection);
  for (const host of hosts) {
    const sharers = scope.index.onHost(host);
    // Here default backends and canaries of all routes at once meet: too entangled for less than everybody.
    if (host === '') addAll(sharers, collection);
    else addDeciders(scope, host, sharers, collection);
  }
}

/** Those who decide for a whole host, though they may share no path: on its default backend, and on its certificate. */
function addDeciders(
  scope: RelatedScope,
  host: string,
  sharers: ReadonlySet<IndexedIngress>,
  collection: Collection,
): void {
  addAll(scope.index.onRoute(toRouteId(host, { kind: 'prefix', value: '/' })), collection);
  let owner: IngressObject | null = null;
  let tlsOwner: IngressObject | null = null;
  for (const { object, isCanary } of sharers) {
    if (isCanary || object.key === collection.key) continue;
    const ownsTls = object.tls.length > 0 && isOlder(object, tlsOwner);
    if (!(ownsTls || isOlder(object, owner)) || !isOurs(object, scope.classes, scope.settings)) continue;
    if (isOlder(object, owner)) owner = object;
    if (ownsTls) tlsOwner = object;
  }
  if (owner !== null) collection.related.set(owner.key, owner);
  if (tlsOwner !== null) collection.related.set(tlsOwner.key, tlsOwner);
}

function isOlder(object: IngressObject, than: IngressObject | null): boolean {
  return than === null || compareAge(object, than) < 0;
}

function addAll(ingresses: ReadonlySet<IndexedIngress>, { key, related }: Collection): void {
  for (const { object } of ingresses) if (object.key !== key) related.set(object.key, object);
}
