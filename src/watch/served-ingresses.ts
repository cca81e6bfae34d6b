/** Which Ingresses the routes in force come from. */
import type { ConfigChanges } from '../model/config-changes.ts';
import { type ObjectKey, type ObjectRef, toObjectKey } from '../model/object-ref.ts';
import type { RouteConfig } from '../model/proxy-config.ts';

export class ServedIngresses {
  /** How many routes and canaries come from each. */
  #counts: Map<ObjectKey, number>;
  #routes: readonly RouteConfig[];

  constructor() {
    this.#counts = new Map();
    this.#routes = [];
  }

  /**
   * @param changes where `routes` differ from others, if that is known: it saves looking at all where these were the last ones
   * @returns those that are served now and were not before
   */
  update(routes: readonly RouteConfig[], changes: Pick<ConfigChanges, 'base' | 'hosts'> | null): readonly ObjectKey[] {
    const before = this.#routes;
    this.#routes = routes;
    if (routes === before) return [];
    if (changes?.base.routes !== before) {
      const known = this.#counts;
      this.#counts = new Map();
      this.#count(routes, 1);
      return [...this.#counts.keys()].filter((key) => !known.has(key));
    }
    // In the order of the routes.
    const touched = [...changes.hosts].toSorted(([a], [b]) => (a < b ? -1 : 1));
    // What comes before what goes: an Ingress that stays must not look new.
    const fresh = touched.flatMap(([, { after }]) => this.#count(after, 1));
    for (const [, change] of touched) this.#count(change.before, -1);
    return fresh;
  }

  /** @returns those that were not there before */
  #count(routes: readonly RouteConfig[], by: 1 | -1): readonly ObjectKey[] {
    const fresh: ObjectKey[] = [];
    const count = ({ kind, namespace, name }: ObjectRef): void => {
      if (kind !== 'Ingress') return;
      const key = toObjectKey(namespace, name);
      const known = this.#counts.get(key) ?? 0;
      if (known === 0) fresh.push(key);
      if (known + by === 0) this.#counts.delete(key);
      else this.#counts.set(key, known + by);
    };
    for (const { source, split, policy } of routes) {
      // Nobody is served by a route that answers 404 or 503 to everything.
      if (policy.closed !== null) continue;
      count(source);
      // A canary is served where the route it accompanies is.
      for (const canary of split.canaries) count(canary.source);
    }
    return fresh;
  }
}
