/** What the series of each route are labelled with, by route id. */
import type { RouteConfig } from '../model/proxy-config.ts';
import type { RouteProvenance } from './scrape.ts';

/** Made anew only where the routes are others: for 20,000 of them it takes as long as ten changes of endpoints. */
export class Provenances {
  #routes: readonly RouteConfig[];
  #byId: ReadonlyMap<string, RouteProvenance>;

  constructor() {
    this.#routes = [];
    this.#byId = new Map();
  }

  /** The same map as before for the same list. */
  of(routes: readonly RouteConfig[]): ReadonlyMap<string, RouteProvenance> {
    if (routes === this.#routes) return this.#byId;
    this.#routes = routes;
    this.#byId = new Map(
      routes.map(({ id, host, path, source }) => [
        id,
        { host, path: path.value, namespace: source.namespace, name: source.name, kind: source.kind },
      ]),
    );
    return this.#byId;
  }
}
