/** Where two configurations may differ, as whoever made the second one out of the first knows it. */
import type { ProxyConfig, RouteConfig, UpstreamConfig, UpstreamId } from './proxy-config.ts';

export interface ConfigChanges {
  /** The other one. Listeners are the same in both, and every route is served on all of them. */
  readonly base: ProxyConfig;
  /** All others have the same routes; with a route, these include the hosts of all others that were made together with it. */
  readonly hosts: ReadonlyMap<string, Change<readonly RouteConfig[]>>;
  /** All others are the same objects in both. Null = there is none. */
  readonly upstreams: ReadonlyMap<UpstreamId, Change<UpstreamConfig | null>>;
}

/** What stood in `base`, and what stands there now: perhaps the same. */
export interface Change<T> {
  readonly before: T;
  readonly after: T;
}
