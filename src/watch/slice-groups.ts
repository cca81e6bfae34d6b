/**
 * Groups EndpointSlices by the Service they belong to, and decides between slices and Endpoints. One part of
 * `SnapshotBuilder`, which see.
 */
import { type ObjectKey, toObjectKey } from '../model/object-ref.ts';
import type { EndpointSliceObject } from '../model/objects.ts';
import { PiecewiseMap } from '../model/piecewise-map.ts';
import { sameContent } from '../model/same-content.ts';

/** Slices by the Service they belong to. A slice moves when its label changes; slices win over Endpoints of the same name. */
export class SliceGroups {
  readonly #slices = new Map<ObjectKey, EndpointSliceObject>();
  readonly #slicesOf = new Map<ObjectKey, Map<ObjectKey, EndpointSliceObject>>();
  readonly #endpoints = new Map<ObjectKey, readonly EndpointSliceObject[]>();
  readonly #changedServices = new Set<ObjectKey>();
  #shared: PiecewiseMap<readonly EndpointSliceObject[]> = PiecewiseMap.empty();

  setSlice(key: ObjectKey, slice: EndpointSliceObject | null): boolean {
    const known = this.#slices.get(key) ?? null;
    if (sameContent(known, slice)) return false;
    if (known !== null) this.#removeFromGroup(known, key);
    if (slice === null) {
      this.#slices.delete(key);
    } else {
      this.#slices.set(key, slice);
      this.#groupOf(slice).set(key, slice);
    }
    return true;
  }

  /** Of the same name as its Service, hence `service`. */
  setEndpoints(service: ObjectKey, slices: readonly EndpointSliceObject[] | null): boolean {
    if (sameContent(this.#endpoints.get(service) ?? null, slices)) return false;
    if (slices === null) this.#endpoints.delete(service);
    else this.#endpoints.set(service, slices);
    this.#changedServices.add(service);
    return true;
  }

  share(): ReadonlyMap<ObjectKey, readonly EndpointSliceObject[]> {
    if (this.#changedServices.size === 0) return this.#shared;
    const changes = new Map<ObjectKey, readonly EndpointSliceObject[] | null>();
    for (const service of this.#changedServices) changes.set(service, this.#present(service));
    this.#changedServices.clear();
    this.#shared = this.#shared.with(changes);
    return this.#shared;
  }

  #present(service: ObjectKey): readonly EndpointSliceObject[] | null {
    const group = this.#slicesOf.get(service);
    if (group === undefined) return this.#endpoints.get(service) ?? null;
    return [...group.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }

  #groupOf(slice: EndpointSliceObject): Map<ObjectKey, EndpointSliceObject> {
    const service = toObjectKey(slice.namespace, slice.serviceName);
    this.#changedServices.add(service);
    let group = this.#slicesOf.get(service);
    if (group === undefined) {
      group = new Map();
      this.#slicesOf.set(service, group);
    }
    return group;
  }

  #removeFromGroup(slice: EndpointSliceObject, key: ObjectKey): void {
    const group = this.#groupOf(slice);
    group.delete(key);
    if (group.size === 0) this.#slicesOf.delete(toObjectKey(slice.namespace, slice.serviceName));
  }
}
