/** Which releases a configuration holds, with the routes and upstreams they are about. */
import type { ObjectRef } from '../model/object-ref.ts';
import type { ProxyConfig, RouteConfig } from '../model/proxy-config.ts';
import type { ReleaseConfig } from '../model/release.ts';
import { findUpstream } from '../model/sorted-config.ts';

export interface ReleaseInForce {
  readonly config: ReleaseConfig;
  /** Of the first canary that belongs to it. */
  readonly source: ObjectRef;
  /** `host path` of the first few. */
  readonly routes: readonly string[];
  readonly routeCount: number;
  /** Of its canaries, on all routes. */
  readonly upstreams: ReadonlySet<string>;
  /** Whether one of these has anything to send requests to. */
  readonly hasEndpoints: boolean;
}

/** More would help nobody who looks at a list of releases. */
const MAX_ROUTES_SHOWN = 5;

interface Found {
  readonly config: ReleaseConfig;
  readonly source: ObjectRef;
  readonly routes: string[];
  routeCount: number;
  readonly upstreams: Set<string>;
}

export function findReleases({
  routes,
  upstreams,
}: Pick<ProxyConfig, 'routes' | 'upstreams'>): ReadonlyMap<string, ReleaseInForce> {
  const found = new Map<string, Found>();
  for (const route of routes) if (route.split.canaries.length > 0) addRoute(found, route);
  if (found.size === 0) return new Map();
  const isServed = (id: string): boolean => (findUpstream(upstreams, id)?.endpoints.length ?? 0) > 0;
  return new Map(
    Array.from(found, ([id, release]) => [id, { ...release, hasEndpoints: [...release.upstreams].some(isServed) }]),
  );
}

function addRoute(found: Map<string, Found>, { split, host, path }: RouteConfig): void {
  for (const { release: config, source, upstream } of split.canaries) {
    if (config === undefined) continue;
    let release = found.get(config.id);
    if (release === undefined) {
      release = { config, source, routes: [], routeCount: 0, upstreams: new Set() };
      found.set(config.id, release);
    }
    release.routeCount++;
    release.upstreams.add(upstream);
    if (release.routes.length < MAX_ROUTES_SHOWN) release.routes.push(`${host === '' ? '*' : host} ${path.value}`);
  }
}
