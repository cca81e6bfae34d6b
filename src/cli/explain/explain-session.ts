/** Says where the session cookie of a request leads, by the same lookup as the data plane, over the endpoints that are known. */
import { LiveAffinity, type StickyCookie } from '../../live/live-affinity.ts';
import { StickyEndpoints, toAffinityName } from '../../live/sticky-endpoints.ts';
import type { CookieAffinity } from '../../model/affinity.ts';
import type { RouteConfig, UpstreamId } from '../../model/proxy-config.ts';
import { isOver } from '../../model/release.ts';
import type { ExplainedUpstream } from './explain-request.ts';
import type { SplitRequest, SplitShare } from './explain-split.ts';
import { toKnownUpstream } from './known-upstream.ts';

export interface SessionExplanation {
  /** The name of the cookie. */
  readonly cookie: string;
  readonly mode: CookieAffinity['mode'];
  /** A failed attempt leads to another endpoint and another cookie. */
  readonly changeOnFailure: boolean;
  /** The upstream that the cookie was made for; null = it does not say, or names none of this route. */
  readonly belongsTo: UpstreamId | null;
  /** Where it leads in each upstream that may take the request. */
  readonly leads: readonly SessionLead[];
}

export interface SessionLead {
  readonly upstream: UpstreamId;
  /** Null = one is chosen anew. */
  readonly endpoint: string | null;
  readonly text: string;
}

export class ExplainedSession {
  readonly #config: CookieAffinity;
  readonly #cookie: StickyCookie | null;
  readonly #sticky: ReadonlyMap<UpstreamId, StickyEndpoints>;
  /** It was made for a canary whose release is over. */
  readonly #hasEnded: boolean;

  constructor(
    config: CookieAffinity,
    route: RouteConfig,
    request: SplitRequest,
    upstreams: readonly ExplainedUpstream[],
  ) {
    this.#config = config;
    this.#cookie = new LiveAffinity(config, '').read(request.header('cookie'));
    const ids = new Set(route.split.members.map(({ upstream }) => upstream));
    for (const { sticky, upstream } of route.split.canaries) if (sticky) ids.add(upstream);
    const involved = upstreams.filter(({ id }) => ids.has(id));
    this.#sticky = new Map(involved.map((upstream) => [upstream.id, toSticky(upstream)]));
    const over = new Set(
      route.split.canaries.flatMap(({ release, upstream: id }) => {
        return release !== undefined && isOver(release) && !ids.has(id) ? id : [];
      }),
    );
    const hash = this.#cookie?.upstreamHash;
    this.#hasEnded = upstreams.some((upstream) => over.has(upstream.id) && toSticky(upstream).hash === hash);
  }

  get belongsTo(): UpstreamId | null {
    const hash = this.#cookie?.upstreamHash;
    return [...this.#sticky].find(([, sticky]) => sticky.hash === hash)?.[0] ?? null;
  }

  explain(shares: readonly SplitShare[]): SessionExplanation {
    const ids = new Set(shares.filter(({ hasEndpoints }) => hasEndpoints).map(({ upstream }) => upstream));
    const leads = Array.from(ids, (upstream) => ({ upstream, ...this.#lead(upstream) }));
    const { name, mode, changeOnFailure } = this.#config;
    return { cookie: name, mode, changeOnFailure, belongsTo: this.belongsTo, leads };
  }

  #lead(upstream: UpstreamId): { readonly endpoint: string | null; readonly text: string } {
    const sticky = this.#sticky.get(upstream);
    if (sticky === undefined) return { endpoint: null, text: 'takes no part in the affinity, so no cookie counts' };
    if (this.#cookie === null) {
      return { endpoint: null, text: 'no usable cookie, so an endpoint is chosen and the response sets one' };
    }
    if (this.#hasEnded) {
      return {
        endpoint: null,
        text: 'the session ended with its release, so an endpoint is chosen and the response sets a cookie',
      };
    }
    const { key } = this.#cookie;
    const endpoint = this.#config.mode === 'balanced' ? sticky.findBalanced(key) : sticky.findPersistent(key);
    if (endpoint === null) {
      return { endpoint: null, text: 'the key leads to no endpoint, so one is chosen and the response sets a cookie' };
    }
    return { endpoint: endpoint.id, text: `the key leads to ${endpoint.id}` };
  }
}

function toSticky(upstream: ExplainedUpstream): StickyEndpoints {
  return new StickyEndpoints(toKnownUpstream(upstream), toAffinityName(upstream));
}
