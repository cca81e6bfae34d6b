/**
 * Compiles one snapshot after another. Where nothing but objects changed, only what these decide is compiled anew: the Ingresses
 * that have to be compiled together with them (`ingress-groups.ts`). All else is taken over from the configuration before.
 * A property test holds the outcome equal to `compile.ts`.
 */
import type { CompileSettings } from '../model/compile-settings.ts';
import type { ConfigChanges } from '../model/config-changes.ts';
import type { ObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { IngressObject } from '../model/objects.ts';
import { differingKeys } from '../model/piecewise-map.ts';
import type { EndpointChange, ProxyConfig } from '../model/proxy-config.ts';
import { compile } from './compile.ts';
import { compileEndpoints, withEndpoints } from './compile-endpoints.ts';
import { CompileMemory } from './compile-memory.ts';
import { compilePart } from './compile-part.ts';
import { ConfigParts, type Part, type PartResult, shareById, toPartResult } from './config-parts.ts';
import { createDraft } from './draft.ts';
import { ANY_HOST, type GroupMember, IngressGroups } from './ingress-groups.ts';

export interface Compiled {
  readonly config: ProxyConfig;
  /** What it may differ in from the one before; null = in anything. */
  readonly changes: ConfigChanges | null;
}

export interface CompiledEndpoints {
  readonly config: ProxyConfig;
  readonly changes: readonly EndpointChange[];
}

type Member = GroupMember<Part>;

/** A configuration that is the sum of its parts. */
interface Divided {
  readonly groups: IngressGroups<Part>;
  readonly parts: ConfigParts;
  /** That of requests for any host, which is there even where no Ingress speaks of them. */
  anyHost: Part | null;
}

interface Last {
  readonly snapshot: ObjectSnapshot;
  readonly config: ProxyConfig;
}

export class Compiler {
  readonly #settings: CompileSettings;
  readonly #memory: CompileMemory;
  /** Null: the last configuration was compiled as a whole. */
  #divided: Divided | null;
  #last: Last | null;

  constructor(settings: CompileSettings) {
    this.#settings = settings;
    this.#memory = new CompileMemory(settings);
    this.#divided = null;
    this.#last = null;
  }

  /** What is the same as in the configuration before is the same object as there. */
  compile(snapshot: ObjectSnapshot): Compiled {
    const compiled = this.#compileDivided(snapshot) ?? this.#compileWhole(snapshot);
    this.#last = { snapshot, config: compiled.config };
    return compiled;
  }

  /** The short road: nothing but EndpointSlices differs from the snapshot compiled last. To be called after `compile`. */
  compileEndpoints(snapshot: ObjectSnapshot): CompiledEndpoints {
    const last = this.#last;
    if (last === null) throw new Error('endpoints are compiled for a configuration');
    const changes = compileEndpoints(snapshot, last.config, this.#memory, last.snapshot);
    const config = withEndpoints(last.config, changes);
    this.#last = { snapshot: { ...last.snapshot, endpointSlices: snapshot.endpointSlices }, config };
    return { config, changes };
  }

  /** The next compile begins from scratch. */
  forget(): void {
    this.#divided = null;
    this.#last = null;
  }

  #compileWhole(snapshot: ObjectSnapshot): Compiled {
    const config = compile(snapshot, this.#settings, this.#memory);
    const last = this.#last?.config;
    if (last === undefined) return { config, changes: null };
    const shared = {
      ...config,
      routes: shareById(last.routes, config.routes),
      upstreams: shareById(last.upstreams, config.upstreams),
      certificates: shareById(last.certificates, config.certificates),
    };
    return { config: shared, changes: null };
  }

  /** Null where nothing but a compile of the whole will do. */
  #compileDivided(snapshot: ObjectSnapshot): Compiled | null {
    const last = this.#divided === null ? null : this.#last;
    const known = last !== null && this.#goesOn(last.snapshot, snapshot) ? this.#divided : null;
    // What is left of it after a throw is of no use.
    this.#divided = null;
    if (snapshot.staticConfig !== null) return null;
    const divided = known ?? this.#divide();
    const { seeds, retired } = this.#update(divided, known === null ? null : last, snapshot);
    // Every host without a default backend of its own uses it: whoever asks something of it decides about all of these.
    const shared = this.#settings.defaultBackendService;
    if (shared !== '' && divided.groups.isContested(shared, snapshot)) return null;
    const results = this.#compileParts(divided, snapshot, { seeds, retired });
    const config = this.#last?.config ?? null;
    const sum = known === null || last === null ? null : divided.parts.replace({ retired, results }, snapshot, last);
    this.#divided = divided;
    if (sum === null || last === null) return { config: divided.parts.begin(results, snapshot, config), changes: null };
    return { config: sum.config, changes: { base: last.config, hosts: sum.hosts, upstreams: sum.upstreams } };
  }

  #divide(): Divided {
    return {
      groups: new IngressGroups(this.#settings, this.#memory),
      parts: new ConfigParts(this.#settings, this.#memory),
      anyHost: null,
    };
  }

  /** False where something changed that concerns everybody. */
  #goesOn(before: ObjectSnapshot, after: ObjectSnapshot): boolean {
    const shared = this.#settings.defaultBackendService;
    return (
      after.staticConfig === null &&
      before.ingressClasses === after.ingressClasses &&
      (shared === '' || before.services.get(shared) === after.services.get(shared))
    );
  }

  /** Brings the groups up to date. */
  #update({ groups }: Divided, last: Last | null, snapshot: ObjectSnapshot): Touched {
    const seeds = new Set<Member>();
    const retired = new Set<Part>();
    const reseat = (key: ObjectKey, object: IngressObject | undefined): void => {
      const former = groups.get(key);
      if (former !== undefined) {
        groups.remove(former);
        seeds.delete(former);
        if (former.part !== null) retired.add(former.part);
      }
      const member = object === undefined ? null : groups.add(object, snapshot);
      if (member !== null) seeds.add(member);
    };
    if (last === null) {
      for (const [key, object] of snapshot.ingresses) reseat(key, object);
      return { seeds, retired };
    }
    for (const key of differingKeys(last.snapshot.ingresses, snapshot.ingresses)) {
      reseat(key, snapshot.ingresses.get(key));
    }
    for (const service of differingKeys(last.snapshot.services, snapshot.services)) {
      // Which Services stand in for it may have changed as well.
      const named = groups.ofService(service).map(({ object }) => object);
      for (const object of named) reseat(object.key, object);
    }
    for (const secret of differingKeys(last.snapshot.tlsSecrets, snapshot.tlsSecrets)) {
      for (const member of groups.ofSecret(secret)) seeds.add(member);
    }
    for (const { members } of retired) {
      for (const member of members) if (groups.get(member.object.key) === member) seeds.add(member);
    }
    return { seeds, retired };
  }

  #compileParts(divided: Divided, snapshot: ObjectSnapshot, { seeds, retired }: Touched): readonly PartResult[] {
    const { groups } = divided;
    const dirty = groups.gather(seeds, snapshot, true).flat();
    for (const { part } of dirty) if (part !== null) retired.add(part);
    const gathered = groups.gather(dirty, snapshot, false);
    const anyHostAt = gathered.findIndex(speaksOfAnyHost);
    const { anyHost } = divided;
    if (anyHostAt !== -1 && anyHost !== null) retired.add(anyHost);
    const lacksAnyHost = anyHostAt === -1 && (anyHost === null || retired.has(anyHost));
    const results = gathered.map((members, at) => this.#compilePart(members, snapshot, at === anyHostAt));
    if (lacksAnyHost) results.push(this.#compilePart([], snapshot, true));
    if (lacksAnyHost || anyHostAt !== -1)
      divided.anyHost = results[lacksAnyHost ? results.length - 1 : anyHostAt]?.part ?? null;
    return results;
  }

  #compilePart(members: readonly Member[], snapshot: ObjectSnapshot, ownsAnyHost: boolean): PartResult {
    const ingresses = new Map(members.map(({ object }) => [object.key, object]));
    const draft = createDraft({ ...snapshot, ingresses }, this.#settings, this.#memory, ownsAnyHost);
    compilePart(draft);
    const result = toPartResult(draft, members);
    for (const member of members) member.part = result.part;
    return result;
  }
}

interface Touched {
  /** Those that are new, changed, or depend on what changed. */
  readonly seeds: Set<Member>;
  /** Parts that are to be replaced. */
  readonly retired: Set<Part>;
}

function speaksOfAnyHost(members: readonly Member[]): boolean {
  return members.some(({ hosts }) => hosts.includes(ANY_HOST));
}
