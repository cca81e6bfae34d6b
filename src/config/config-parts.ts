/**
 * A configuration as the sum of parts that decide nothing about each other: takes parts out and puts others in, at the price
 * of these parts. What several parts have in common (an upstream nobody asks anything of, a fault of a Service) is the same in
 * all of them, and is there as long as one of them is.
 */
import type { CompileSettings } from '../model/compile-settings.ts';
import type { Change, ConfigChanges } from '../model/config-changes.ts';
import type { ObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import { differingKeys } from '../model/piecewise-map.ts';
import type { Problem } from '../model/problem.ts';
import type { CertificateConfig, ProxyConfig, RouteConfig, UpstreamConfig, UpstreamId } from '../model/proxy-config.ts';
import { sameContent } from '../model/same-content.ts';
import { findUpstream, hostOf, idOf, lowerBound, replaceSorted, routesOfHost } from '../model/sorted-config.ts';
import { compareText } from './compare-text.ts';
import { compileEndpoints } from './compile-endpoints.ts';
import type { CompileMemory } from './compile-memory.ts';
import { problemsByKey, toRoutes } from './compile-part.ts';
import { createDraft, type Draft } from './draft.ts';
import type { GroupMember } from './ingress-groups.ts';
import { addCertificates } from './passes/assign-certificates.ts';

/** What has to be known of a part to take it out again. */
export interface Part {
  readonly members: readonly GroupMember<Part>[];
  /** Of its routes, which no other part has. */
  readonly hosts: readonly string[];
  readonly upstreams: readonly UpstreamId[];
  readonly problems: readonly string[];
  /** As in `Draft`; null = empty. */
  readonly secretHosts: Draft['secretHosts'] | null;
}

export interface PartResult {
  readonly part: Part;
  readonly routes: ReadonlyMap<string, readonly RouteConfig[]>;
  readonly upstreams: Iterable<UpstreamConfig>;
  readonly problems: ReadonlyMap<string, Problem>;
}

export function toPartResult(draft: Draft, members: Part['members']): PartResult {
  const routes = Map.groupBy(toRoutes(draft), hostOf);
  const problems = problemsByKey(draft.problems);
  const part = {
    members,
    hosts: [...routes.keys()],
    upstreams: [...draft.upstreams.keys()],
    problems: [...problems.keys()],
    secretHosts: draft.secretHosts.size === 0 ? null : draft.secretHosts,
  };
  return { part, routes, upstreams: draft.upstreams.values(), problems };
}

export interface Replacement {
  readonly retired: ReadonlySet<Part>;
  readonly results: readonly PartResult[];
}

export interface Before {
  readonly snapshot: ObjectSnapshot;
  readonly config: ProxyConfig;
}

export interface Sum {
  readonly config: ProxyConfig;
  /** Where it may differ from the one before. */
  readonly hosts: ConfigChanges['hosts'];
  readonly upstreams: ConfigChanges['upstreams'];
}

/** A problem, and how many parts have it. */
interface SharedProblem {
  readonly key: string;
  readonly problem: Problem;
  readonly parts: number;
}

const NO_PROBLEMS: ReadonlyMap<string, Problem> = new Map();

export class ConfigParts {
  readonly #settings: CompileSettings;
  readonly #memory: CompileMemory;
  /** How many parts have an upstream. */
  readonly #upstreamParts: Map<UpstreamId, number>;
  readonly #secretHosts: Map<ObjectKey | null, Set<string>>;
  /** Sorted by key. */
  #problems: readonly SharedProblem[];
  #certificateProblems: ReadonlyMap<string, Problem>;
  #begun: boolean;

  constructor(settings: CompileSettings, memory: CompileMemory) {
    this.#settings = settings;
    this.#memory = memory;
    this.#upstreamParts = new Map();
    this.#secretHosts = new Map();
    this.#problems = [];
    this.#certificateProblems = NO_PROBLEMS;
    this.#begun = false;
  }

  /** The first configuration: `results` are all there is. What `before` has as well is taken from there. */
  begin(results: readonly PartResult[], snapshot: ObjectSnapshot, before: ProxyConfig | null): ProxyConfig {
    const empty: ProxyConfig = {
      generation: 0,
      listeners: [],
      routes: [],
      upstreams: [],
      certificates: [],
      problems: [],
    };
    const replacement = { retired: new Set<Part>(), results };
    const { config } = this.replace(replacement, snapshot, { config: empty, snapshot });
    if (before === null) return config;
    return {
      ...config,
      routes: shareById(before.routes, config.routes),
      upstreams: shareById(before.upstreams, config.upstreams),
      certificates: shareById(before.certificates, config.certificates),
    };
  }

  /** Once it has thrown, it is of no use any more. */
  replace(replacement: Replacement, snapshot: ObjectSnapshot, before: Before): Sum {
    const routes = this.#replaceRoutes(before.config.routes, replacement);
    const upstreams = this.#replaceUpstreams(replacement, snapshot, before);
    const certificates = this.#replaceCertificates(replacement, snapshot, before);
    const config = {
      generation: snapshot.revision,
      listeners: this.#settings.listeners,
      routes: routes.list,
      upstreams: upstreams.list,
      certificates: certificates.list,
      problems: this.#replaceProblems(replacement, certificates.problems, { snapshot, before }),
    };
    this.#begun = true;
    return { config, hosts: routes.changes, upstreams: upstreams.changes };
  }

  #replaceRoutes(routes: readonly RouteConfig[], { retired, results }: Replacement): RouteChange {
    const made = new Map<string, readonly RouteConfig[]>();
    for (const { hosts } of retired) for (const host of hosts) made.set(host, []);
    for (const result of results) for (const [host, ofHost] of result.routes) made.set(host, ofHost);
    const changes = new Map<string, Change<readonly RouteConfig[]>>();
    for (const [host, ofHost] of made) {
      const before = routesOfHost(routes, host);
      changes.set(host, { before, after: shareById(before, ofHost) });
    }
    const replacements = new Map(Array.from(changes, ([host, { after }]) => [host, after]));
    return { list: replaceSorted(routes, replacements, hostOf), changes };
  }

  #replaceUpstreams(
    { retired, results }: Replacement,
    snapshot: ObjectSnapshot,
    { config, snapshot: former }: Before,
  ): UpstreamChange {
    const made = new Map<UpstreamId, UpstreamConfig | null>();
    for (const { upstreams } of retired) {
      for (const id of upstreams) {
        this.#upstreamParts.set(id, (this.#upstreamParts.get(id) ?? 0) - 1);
        made.set(id, null);
      }
    }
    for (const { upstreams } of results) {
      for (const upstream of upstreams) {
        this.#upstreamParts.set(upstream.id, (this.#upstreamParts.get(upstream.id) ?? 0) + 1);
        made.set(upstream.id, upstream);
      }
    }
    const changes = new Map<UpstreamId, Change<UpstreamConfig | null>>();
    for (const [id, upstream] of made) {
      const before = findUpstream(config.upstreams, id);
      const next = upstream === null || sameContent(before, upstream) ? before : upstream;
      const isUsed = this.#upstreamParts.get(id) !== 0;
      if (!isUsed) this.#upstreamParts.delete(id);
      changes.set(id, { before, after: isUsed ? next : null });
    }
    // Services whose endpoints moved: nothing else about their upstreams depends on these.
    for (const { upstreamId: id, endpoints } of compileEndpoints(snapshot, config, this.#memory, {
      ...former,
      services: snapshot.services,
    })) {
      const before = findUpstream(config.upstreams, id);
      // One that lost a part and still has another was not compiled for this snapshot.
      const isFresh = (made.get(id) ?? null) !== null;
      if (before === null || isFresh || !this.#upstreamParts.has(id)) continue;
      changes.set(id, { before, after: { ...before, endpoints } });
    }
    const replacements = new Map(Array.from(changes, ([id, { after }]) => [id, after === null ? [] : [after]]));
    return { list: replaceSorted(config.upstreams, replacements, idOf), changes };
  }

  #replaceCertificates(
    { retired, results }: Replacement,
    snapshot: ObjectSnapshot,
    { config, snapshot: former }: Before,
  ): CertificateChange {
    const unchanged = { list: config.certificates, problems: this.#certificateProblems };
    const touched = this.#replaceSecretHosts(retired, results);
    const isUsed = (key: ObjectKey): boolean => this.#secretHosts.has(key) || key === this.#settings.defaultTlsSecret;
    const stays = !touched && !differingKeys(former.tlsSecrets, snapshot.tlsSecrets).some(isUsed);
    if (stays && this.#begun) return unchanged;
    const draft = createDraft(snapshot, this.#settings, this.#memory);
    for (const [key, hosts] of this.#secretHosts) draft.secretHosts.set(key, [...hosts]);
    addCertificates(draft);
    const list = draft.certificates.toSorted((a, b) => compareText(a.id, b.id));
    return { list: shareById(config.certificates, list), problems: problemsByKey(draft.problems) };
  }

  /** Whether any host is served by another Secret than before. */
  #replaceSecretHosts(retired: Replacement['retired'], results: Replacement['results']): boolean {
    const moved = new Map<string, ObjectKey | null>();
    for (const { secretHosts } of retired) {
      for (const [key, hosts] of secretHosts ?? []) for (const host of hosts) moved.set(host, key);
    }
    const arrived = new Map<string, ObjectKey | null>();
    for (const { part } of results) {
      for (const [key, hosts] of part.secretHosts ?? []) {
        for (const host of hosts) {
          if (moved.has(host) && moved.get(host) === key) moved.delete(host);
          else arrived.set(host, key);
        }
      }
    }
    for (const [host, key] of moved) {
      const hosts = this.#secretHosts.get(key);
      hosts?.delete(host);
      if (hosts?.size === 0) this.#secretHosts.delete(key);
    }
    for (const [host, key] of arrived) {
      const hosts = this.#secretHosts.get(key);
      if (hosts === undefined) this.#secretHosts.set(key, new Set([host]));
      else hosts.add(host);
    }
    return moved.size + arrived.size > 0;
  }

  #replaceProblems(
    { retired, results }: Replacement,
    ofCertificates: ReadonlyMap<string, Problem>,
    { snapshot, before }: { readonly snapshot: ObjectSnapshot; readonly before: Before },
  ): readonly Problem[] {
    const counts = new Map<string, number>();
    const found = new Map<string, Problem>();
    const count = (keys: Iterable<string>, by: number): void => {
      for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + by);
    };
    const arrive = (problems: ReadonlyMap<string, Problem>): void => {
      count(problems.keys(), 1);
      for (const [key, problem] of problems) found.set(key, problem);
    };
    for (const { problems } of retired) count(problems, -1);
    for (const { problems } of results) arrive(problems);
    count(this.#certificateProblems.keys(), -1);
    arrive(ofCertificates);
    this.#certificateProblems = ofCertificates;
    const replacements = new Map<string, readonly SharedProblem[]>();
    for (const [key, by] of counts) {
      if (by === 0) continue;
      const known = findProblem(this.#problems, key);
      const parts = (known?.parts ?? 0) + by;
      const problem = known?.problem ?? found.get(key);
      replacements.set(key, parts > 0 && problem !== undefined ? [{ key, problem, parts }] : []);
    }
    const list = replaceSorted(this.#problems, replacements, keyOf);
    const isSame = list === this.#problems && sameItems(before.snapshot.problems, snapshot.problems);
    this.#problems = list;
    return isSame && this.#begun
      ? before.config.problems
      : [...snapshot.problems, ...list.map(({ problem }) => problem)];
  }
}

interface RouteChange {
  readonly list: readonly RouteConfig[];
  readonly changes: ConfigChanges['hosts'];
}

interface UpstreamChange {
  readonly list: readonly UpstreamConfig[];
  readonly changes: ConfigChanges['upstreams'];
}

interface CertificateChange {
  readonly list: readonly CertificateConfig[];
  readonly problems: ReadonlyMap<string, Problem>;
}

/** What is the same as before becomes the same object as before, so that changes can be found by identity. */
export function shareById<T extends { readonly id: string }>(known: readonly T[], items: readonly T[]): readonly T[] {
  if (known.length === 0) return items;
  const byId = new Map(known.map((item) => [item.id, item]));
  return items.map((item) => {
    const last = byId.get(item.id);
    return last !== undefined && sameContent(last, item) ? last : item;
  });
}

function findProblem(problems: readonly SharedProblem[], key: string): SharedProblem | null {
  const found = problems[lowerBound(problems, key, keyOf)];
  return found?.key === key ? found : null;
}

function keyOf({ key }: SharedProblem): string {
  return key;
}

function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a === b || (a.length === b.length && a.every((item, at) => item === b[at]));
}
