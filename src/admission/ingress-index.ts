/**
 * Finds, among the Ingresses of the newest snapshot, those that share a route, a host or a Service with another one, in
 * time that does not grow with their number. What that means for a change is decided in `related-ingresses.ts`.
 */
import { isCanary, mayClaimUpstreams } from '../config/annotation-traits.ts';
import { toRouteId } from '../config/draft.ts';
import { toPathMatch } from '../config/passes/add-rules.ts';
import { type ObjectKey, toObjectKey } from '../model/object-ref.ts';
import type { IngressObject } from '../model/objects.ts';
import { differingKeys } from '../model/piecewise-map.ts';

/** What an Ingress speaks of. */
export interface IndexedIngress {
  readonly object: IngressObject;
  readonly isCanary: boolean;
  /** Lower case; empty = any host. */
  readonly hosts: readonly string[];
  /** Ids of the routes that its rules ask for, whoever gets them. */
  readonly routes: readonly string[];
  /** Keys of the Services it names, if it may ask anything of their upstreams; else empty. */
  readonly claims: readonly ObjectKey[];
}

type Groups = Map<string, Set<IndexedIngress>>;

const NOBODY: ReadonlySet<IndexedIngress> = new Set();

export class IngressIndex {
  readonly #annotationsPrefix: string;
  readonly #entries: Map<ObjectKey, IndexedIngress> = new Map();
  readonly #byHost: Groups = new Map();
  readonly #byRoute: Groups = new Map();
  readonly #byClaim: Groups = new Map();
  #ingresses: ReadonlyMap<ObjectKey, IngressObject> = new Map();

  constructor(annotationsPrefix: string) {
    this.#annotationsPrefix = annotationsPrefix;
  }

  /** Makes `ingresses` all there are. Costs work for those that are other objects than before. */
  update(ingresses: ReadonlyMap<ObjectKey, IngressObject>): void {
    for (const key of differingKeys(this.#ingresses, ingresses)) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) this.#remove(key, entry);
      const object = ingresses.get(key);
      if (object !== undefined) this.#add(key, this.describe(object));
    }
    this.#ingresses = ingresses;
  }

  onHost(host: string): ReadonlySet<IndexedIngress> {
    return this.#byHost.get(host) ?? NOBODY;
  }

  onRoute(id: string): ReadonlySet<IndexedIngress> {
    return this.#byRoute.get(id) ?? NOBODY;
  }

  claimantsOf(service: ObjectKey): ReadonlySet<IndexedIngress> {
    return this.#byClaim.get(service) ?? NOBODY;
  }

  describe(object: IngressObject): IndexedIngress {
    const hosts = new Set<string>();
    const routes = new Set<string>();
    // Without rules it takes the catch-all, and that of a canary accompanies everything that is there for any host.
    if (object.defaultBackend !== null) hosts.add('');
    for (const rule of object.rules) {
      const host = rule.host.toLowerCase();
      hosts.add(host);
      for (const path of rule.paths ?? []) {
        const match = toPathMatch(path);
        if (match !== null) routes.add(toRouteId(host, match));
      }
    }
    return {
      object,
      isCanary: isCanary(object.annotations, this.#annotationsPrefix),
      hosts: [...hosts],
      routes: [...routes],
      claims: mayClaimUpstreams(object.annotations, this.#annotationsPrefix) ? servicesOf(object) : [],
    };
  }

  #add(key: ObjectKey, entry: IndexedIngress): void {
    this.#entries.set(key, entry);
    for (const host of entry.hosts) addTo(this.#byHost, host, entry);
    for (const route of entry.routes) addTo(this.#byRoute, route, entry);
    for (const service of entry.claims) addTo(this.#byClaim, service, entry);
  }

  #remove(key: ObjectKey, entry: IndexedIngress): void {
    this.#entries.delete(key);
    for (const host of entry.hosts) removeFrom(this.#byHost, host, entry);
    for (const route of entry.routes) removeFrom(this.#byRoute, route, entry);
    for (const service of entry.claims) removeFrom(this.#byClaim, service, entry);
  }
}

function servicesOf({ namespace, defaultBackend, rules }: IngressObject): readonly ObjectKey[] {
  const services = new Set<ObjectKey>();
  const backends = rules.flatMap((rule) => (rule.paths ?? []).map((path) => path.backend));
  for (const backend of defaultBackend === null ? backends : [defaultBackend, ...backends]) {
    if (backend.kind === 'service') services.add(toObjectKey(namespace, backend.service));
  }
  return [...services];
}

function addTo(groups: Groups, name: string, entry: IndexedIngress): void {
  const group = groups.get(name);
  if (group === undefined) groups.set(name, new Set([entry]));
  else group.add(entry);
}

function removeFrom(groups: Groups, name: string, entry: IndexedIngress): void {
  const group = groups.get(name);
  group?.delete(entry);
  if (group?.size === 0) groups.delete(name);
}
