/**
 * One request of a route with session affinity: the endpoint its cookie asks for, or a new one and a cookie for it. What
 * happens when endpoints go, drain or fail is told in `docs/reference/session-affinity.md`.
 */
import type { Endpoint } from '../balancer/endpoint.ts';
import type { LiveAffinity, StickyCookie } from '../live/live-affinity.ts';
import type { SplitTarget } from '../live/live-split.ts';
import type { StickyEndpoints } from '../live/sticky-endpoints.ts';
import type { JudgedRequest } from './judged-request.ts';
import { isSecure, type RequestOrigin } from './request-origin.ts';
import { isConfusedBySameSiteNone } from './same-site-none.ts';
import type { WorkerContext } from './worker-context.ts';

/**
 * How many random keys are tried for one that leads to an endpoint that takes new clients: enough where but one in ten does
 * (the chance to miss it is 2 in 10^12), and a millisecond at most.
 */
const MAX_DRAWN_KEYS = 256;
const KEY_RANGE = 1_000_000;

export class StickySession {
  readonly #worker: WorkerContext;
  readonly #affinity: LiveAffinity;
  readonly #cookie: StickyCookie | null;
  readonly #secure: boolean;
  readonly #withSameSite: boolean;
  /** Chosen anew; null = the client keeps the cookie it has, if any. */
  #chosen: Endpoint | null;
  /** What leads to it. */
  #newKey: string;

  constructor(worker: WorkerContext, affinity: LiveAffinity, head: JudgedRequest, origin: RequestOrigin) {
    this.#worker = worker;
    this.#affinity = affinity;
    this.#cookie = affinity.read(head.header('cookie'));
    this.#secure = isSecure(origin);
    this.#withSameSite = !affinity.asksForBrowser || !isConfusedBySameSiteNone(head.header('user-agent') ?? '');
    this.#chosen = null;
    this.#newKey = '';
  }

  /** Whether the client has been here before. */
  get hasCookie(): boolean {
    return this.#cookie !== null;
  }

  /** The upstream the client belongs to, as cookies call it; empty where its cookie does not say. */
  get upstreamHash(): string {
    return this.#cookie?.upstreamHash ?? '';
  }

  /**
   * @param tried endpoints that are wanted only when there is no other: `failed`, and those that are full
   * @param failed the endpoints earlier attempts failed on
   */
  choose(
    { upstream, sticky, endedSessions }: SplitTarget,
    hashKey: number,
    tried: readonly Endpoint[],
    failed: readonly Endpoint[],
  ): Endpoint | null {
    this.#chosen = null;
    if (sticky === null) return upstream.pick(hashKey, tried);
    const pinned = endedSessions?.includes(this.upstreamHash) === true ? null : this.#findPinned(sticky);
    if (pinned !== null && !failed.includes(pinned) && tried.includes(pinned)) {
      // Full: this request goes elsewhere and the client comes back. Waiting would hold up all that wait behind it.
      return upstream.pick(hashKey, tried);
    }
    if (pinned !== null && (failed.length === 0 || !this.#affinity.changeOnFailure)) return pinned;
    if (!this.#affinity.persistent) {
      const drawn = this.#draw(sticky, upstream.available, tried);
      if (drawn !== null) return drawn;
      return pinned ?? upstream.pick(hashKey, tried);
    }
    const picked = upstream.pick(hashKey, tried);
    if (picked !== null && picked !== pinned) this.#bind(picked, sticky.persistentKey(picked));
    return picked;
  }

  /**
   * The value of the `Set-Cookie` field the response needs; empty = none.
   * @param served whose response it is
   */
  toSetCookie({ sticky }: SplitTarget, served: Endpoint): string {
    if (this.#chosen !== served || sticky === null) return '';
    const cookie = { key: this.#newKey, upstreamHash: sticky.hash };
    return this.#affinity.toSetCookie(cookie, this.#secure, this.#withSameSite, Date.now());
  }

  #bind(endpoint: Endpoint, key: string): void {
    this.#chosen = endpoint;
    this.#newKey = key;
  }

  #findPinned(sticky: StickyEndpoints): Endpoint | null {
    if (this.#cookie === null) return null;
    const { key } = this.#cookie;
    return this.#affinity.persistent ? sticky.findPersistent(key) : sticky.findBalanced(key);
  }

  /** A new key whose endpoint takes new clients and has not failed this request; null when there is none, or hardly one. */
  #draw(sticky: StickyEndpoints, available: readonly Endpoint[], tried: readonly Endpoint[]): Endpoint | null {
    if (available.every((endpoint) => tried.includes(endpoint))) return null;
    const seconds = Math.floor(Date.now() / 1_000);
    for (let count = 1; count <= MAX_DRAWN_KEYS; count++) {
      const key = `${seconds + count}.${this.#worker.draw()}.${this.#worker.draw() % KEY_RANGE}`;
      const endpoint = sticky.findBalanced(key);
      if (endpoint === null || tried.includes(endpoint) || !available.includes(endpoint)) continue;
      this.#bind(endpoint, key);
      return endpoint;
    }
    return null;
  }
}
