/**
 * Changes the running generation where a patch says so: the hosts it names get new tables, everything else stays as it is.
 * The outcome is that of `apply-config.ts` with the whole configuration; a property test holds the two together.
 */
import { type CertificatePatch, type ReceivedPatch, readRoutes, type WrittenHost } from '../model/config-patch.ts';
import type { CertificateConfig, UpstreamId } from '../model/proxy-config.ts';
import type { Steps } from '../model/steps.ts';
import { HostBuilder, type RouteRule } from '../router/build-route-table.ts';
import { toRule } from './apply-config.ts';
import { CertificateTable } from './certificate-table.ts';
import { type FindFacts, SplitLinker } from './link-split.ts';
import type { LiveRoute } from './live-route.ts';
import type { LiveState } from './live-state.ts';
import { RouteStats } from './route-stats.ts';

/**
 * A step for each new upstream and each host, which changes nothing that requests see, and a last one that puts all into force.
 * Requests may come in between; nothing else that changes `live` may.
 * False, and nothing is changed, where the patch is for another generation than the one that runs.
 * @throws and changes nothing either, for routes that cannot be built
 */
export function* applyPatch(live: LiveState, patch: ReceivedPatch): Steps<boolean> {
  const { number, formerTable: table } = live.current;
  if (number !== patch.base || table === null) return false;
  const { known = [], fresh = [] } = Object.groupBy(patch.upstreams, ({ id }) => {
    return live.upstreams.get(id) === null ? 'fresh' : 'known';
  });
  const builder = new PatchBuilder(live, patch);
  try {
    for (const upstream of fresh) {
      live.upstreams.ensure(upstream);
      yield;
    }
    for (const host of patch.hosts) {
      builder.add(host);
      yield;
    }
  } catch (error) {
    builder.takeBack();
    live.upstreams.remove(fresh.map(({ id }) => id));
    throw error;
  }
  // From here on nothing can fail.
  for (const upstream of known) live.upstreams.ensure(upstream);
  live.upstreams.linkBackups(patch.upstreams);
  live.releases.replace(
    patch.hosts.flatMap(({ host }) => live.routeIds.get(host) ?? []),
    builder.releases,
  );
  replaceStats(live, patch.hosts);
  // Of all listeners: patches are made only where they have the same routes.
  table.replaceHosts(builder.hosts);
  const certificates =
    patch.certificates === null ? live.current.certificates : patchCertificates(live, patch.certificates);
  live.current = { ...live.current, number: patch.generation, certificates };
  live.upstreams.remove(patch.removedUpstreams);
  live.configApplied++;
  return true;
}

/** What hosts become. */
class PatchBuilder {
  readonly #live: LiveState;
  readonly #patch: ReceivedPatch;
  readonly #findFacts: FindFacts;
  readonly #linker: SplitLinker;
  readonly #hosts: HostBuilder<LiveRoute>;
  /** Ids of its routes that are in force already, though there may be no stats of them yet. */
  readonly #inForce: ReadonlySet<string>;
  /** Ids of the others that have stats now. */
  readonly #fresh: string[];

  constructor(live: LiveState, patch: ReceivedPatch) {
    this.#live = live;
    this.#patch = patch;
    this.#findFacts = toFindFacts(live, patch);
    this.#linker = new SplitLinker(live, this.#findFacts);
    this.#hosts = new HostBuilder();
    this.#inForce = new Set(patch.hosts.flatMap(({ host }) => live.routeIds.get(host) ?? []));
    this.#fresh = [];
  }

  get hosts(): HostBuilder<LiveRoute>['hosts'] {
    return this.#hosts.hosts;
  }

  get releases(): SplitLinker['releases'] {
    return this.#linker.releases;
  }

  /** @throws for routes that cannot be built */
  add(written: WrittenHost): void {
    const { host, routeIds, upstreams } = written;
    const facts = upstreams.map((id) => this.#find(id));
    if (written.isPlain && routeIds.length > 0 && facts.every(({ hashing }) => hashing === null)) {
      this.#hosts.addLater(host, linkLater(this.#live, written, this.#patch.policies));
      return;
    }
    const rules = readRoutes(written, this.#patch.policies).map((route): RouteRule<LiveRoute> => {
      if (!this.#live.routeStats.has(route.id) && !this.#inForce.has(route.id)) this.#fresh.push(route.id);
      return toRule(this.#linker, route, statsOf(this.#live, route.id));
    });
    this.#hosts.add({ host, rules });
  }

  /** Forgets the stats of routes that do not come into force. */
  takeBack(): void {
    for (const id of this.#fresh) this.#live.routeStats.delete(id);
  }

  #find(id: UpstreamId): NonNullable<ReturnType<FindFacts>> {
    const facts = this.#findFacts(id);
    if (facts === undefined) throw new Error(`route refers to unknown upstream ${id}`);
    return facts;
  }
}

/** What does not change is as it runs. */
function toFindFacts({ upstreams }: LiveState, patch: ReceivedPatch): FindFacts {
  const changed = new Map(patch.upstreams.map((upstream) => [upstream.id, upstream]));
  const removed = new Set(patch.removedUpstreams);
  return (id) => changed.get(id) ?? (removed.has(id) ? undefined : (upstreams.get(id) ?? undefined));
}

/**
 * For when the patch is long in force: a host whose upstreams are no longer what they were has had another one since. On its own,
 * so that it keeps no more of the patch than it needs.
 */
function linkLater(
  live: LiveState,
  written: WrittenHost,
  policies: ReceivedPatch['policies'],
): () => readonly RouteRule<LiveRoute>[] {
  return () => {
    const linker = new SplitLinker(live, (id) => live.upstreams.get(id) ?? undefined);
    return readRoutes(written, policies).map((route) => toRule(linker, route, statsOf(live, route.id)));
  };
}

/** Found by whoever builds the route next, which may be the one in force that nobody has asked for yet. */
function statsOf(live: LiveState, routeId: string): RouteStats {
  const known = live.routeStats.get(routeId);
  if (known !== undefined) return known;
  const stats = new RouteStats(routeId);
  live.routeStats.set(routeId, stats);
  return stats;
}

/** Those of routes that go on stay, also where these are built later. */
function replaceStats(live: LiveState, hosts: readonly WrittenHost[]): void {
  const kept = new Map<string, RouteStats>();
  for (const { routeIds } of hosts) {
    for (const id of routeIds) {
      const known = live.routeStats.get(id);
      if (known !== undefined) kept.set(id, known);
    }
  }
  for (const { host } of hosts) for (const id of live.routeIds.get(host) ?? []) live.routeStats.delete(id);
  for (const [id, stats] of kept) live.routeStats.set(id, stats);
  for (const { host, routeIds } of hosts) {
    if (routeIds.length === 0) live.routeIds.delete(host);
    else live.routeIds.set(host, routeIds);
  }
}

function patchCertificates(live: LiveState, { ids, changed }: CertificatePatch): CertificateTable {
  const known = new Map([...live.certificates, ...changed].map((certificate) => [certificate.id, certificate]));
  live.certificates = ids.map((id) => known.get(id)).filter((each): each is CertificateConfig => each !== undefined);
  return new CertificateTable(live.certificates, live.current.certificates);
}
