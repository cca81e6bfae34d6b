/**
 * Which Ingresses have to be compiled together: those that speak of one host, and those that name one Service of whose
 * upstreams somebody asks something. Ingresses that share neither decide nothing about each other.
 */
import type { CompileSettings } from '../model/compile-settings.ts';
import { type ObjectKey, toObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { IngressObject } from '../model/objects.ts';
import type { CompileMemory } from './compile-memory.ts';
import { isClassMissing, isOurs } from './ingress-class.ts';

/** An Ingress that the compiler has something to say about, and what that depends on. */
export interface GroupMember<P> {
  readonly object: IngressObject;
  /** Lower case; empty = it speaks of requests for any host. */
  readonly hosts: readonly string[];
  /** Those it names, those that stand in for them, and so on. */
  readonly services: readonly ObjectKey[];
  readonly secrets: readonly ObjectKey[];
  /** Whether it asks anything of the upstreams it names. */
  readonly claims: boolean;
  /** What it was last compiled with; null = nothing yet. */
  part: P | null;
}

interface Compiled<P> {
  readonly members: readonly GroupMember<P>[];
}

/** Lists, because nearly all of them have one entry. */
type Index<P> = Map<string, GroupMember<P>[]>;

export const ANY_HOST = '';

export class IngressGroups<P extends Compiled<P>> {
  readonly #settings: CompileSettings;
  readonly #memory: CompileMemory;
  readonly #members: Map<ObjectKey, GroupMember<P>>;
  readonly #byHost: Index<P>;
  readonly #byService: Index<P>;
  readonly #bySecret: Index<P>;

  constructor(settings: CompileSettings, memory: CompileMemory) {
    this.#settings = settings;
    this.#memory = memory;
    this.#members = new Map();
    this.#byHost = new Map();
    this.#byService = new Map();
    this.#bySecret = new Map();
  }

  get(key: ObjectKey): GroupMember<P> | undefined {
    return this.#members.get(key);
  }

  ofService(key: ObjectKey): readonly GroupMember<P>[] {
    return this.#byService.get(key) ?? [];
  }

  ofSecret(key: ObjectKey): readonly GroupMember<P>[] {
    return this.#bySecret.get(key) ?? [];
  }

  remove(member: GroupMember<P>): void {
    const { object, hosts, services, secrets } = member;
    this.#members.delete(object.key);
    for (const host of hosts) take(this.#byHost, host, member);
    for (const service of services) take(this.#byService, service, member);
    for (const secret of secrets) take(this.#bySecret, secret, member);
  }

  /** Null where there is nothing to say about it. */
  add(object: IngressObject, snapshot: ObjectSnapshot): GroupMember<P> | null {
    const member = this.#describe(object, snapshot);
    if (member === null) return null;
    this.#members.set(object.key, member);
    for (const host of member.hosts) put(this.#byHost, host, member);
    for (const service of member.services) put(this.#byService, service, member);
    for (const secret of member.secrets) put(this.#bySecret, secret, member);
    return member;
  }

  /** Whether it matters to those who name the Service who else does. */
  isContested(key: ObjectKey, snapshot: ObjectSnapshot): boolean {
    if (backupOfService(key, snapshot, this.#memory) !== '') return true;
    return this.ofService(key).some(({ claims }) => claims);
  }

  /** `members` in groups that can be compiled by themselves. With `formerly`, whoever was compiled with one of them counts too. */
  gather(members: Iterable<GroupMember<P>>, snapshot: ObjectSnapshot, formerly: boolean): GroupMember<P>[][] {
    const groups: GroupMember<P>[][] = [];
    const reached = new Set<GroupMember<P>>();
    const walk = { reached, hosts: new Set<string>(), services: new Set<ObjectKey>(), snapshot, formerly };
    for (const member of members) {
      if (reached.has(member)) continue;
      reached.add(member);
      const group = [member];
      // Grows while it is walked.
      for (const each of group) this.#reachFrom(each, group, walk);
      groups.push(group);
    }
    return groups;
  }

  #reachFrom(member: GroupMember<P>, group: GroupMember<P>[], walk: Walk<P>): void {
    const { reached, hosts, services, snapshot, formerly } = walk;
    const reach = (others: Iterable<GroupMember<P>>): void => {
      for (const other of others) {
        if (reached.has(other)) continue;
        reached.add(other);
        group.push(other);
      }
    };
    for (const host of member.hosts) {
      if (hosts.has(host)) continue;
      hosts.add(host);
      reach(this.#byHost.get(host) ?? []);
    }
    for (const service of member.services) {
      if (services.has(service)) continue;
      services.add(service);
      if (this.isContested(service, snapshot)) reach(this.ofService(service));
    }
    if (formerly && member.part !== null) reach(member.part.members.filter((each) => this.#isPresent(each)));
  }

  #isPresent(member: GroupMember<P>): boolean {
    return this.#members.get(member.object.key) === member;
  }

  #describe(object: IngressObject, snapshot: ObjectSnapshot): GroupMember<P> | null {
    const classes = snapshot.ingressClasses;
    if (!isOurs(object, classes, this.#settings)) {
      const missing = isClassMissing(object, classes, this.#settings);
      return missing ? { object, hosts: [], services: [], secrets: [], claims: false, part: null } : null;
    }
    const { settings } = this.#memory.readIngress(object);
    const { namespace, rules, tls, defaultBackend } = object;
    const hosts = new Set(rules.map(({ host }) => host.toLowerCase()));
    // Without rules it takes the catch-all, and that of a canary accompanies everything that is there for any host.
    if (defaultBackend !== null && (rules.length === 0 || settings.canary.enabled)) hosts.add(ANY_HOST);
    const secrets = new Set(tls.map(({ secretName }) => toObjectKey(namespace, secretName)));
    if (settings.backend.sslSecret !== '') secrets.add(settings.backend.sslSecret);
    return {
      object,
      hosts: [...hosts],
      services: [...this.#servicesOf(object, settings.upstream.backup ?? '', snapshot)],
      secrets: [...secrets],
      claims: Object.keys(settings.upstream).length > 0,
      part: null,
    };
  }

  #servicesOf(ingress: IngressObject, backup: string, snapshot: ObjectSnapshot): ReadonlySet<ObjectKey> {
    const { namespace, rules, defaultBackend } = ingress;
    const services = new Set<ObjectKey>();
    for (const { paths } of rules) {
      for (const { backend } of paths ?? []) {
        if (backend.kind === 'service') services.add(toObjectKey(namespace, backend.service));
      }
    }
    if (defaultBackend?.kind === 'service') services.add(toObjectKey(namespace, defaultBackend.service));
    if (backup !== '') services.add(toObjectKey(namespace, serviceOfBackup(backup)));
    // Grows while it is walked.
    for (const key of services) {
      const next = backupOfService(key, snapshot, this.#memory);
      if (next !== '') services.add(toObjectKey(namespace, serviceOfBackup(next)));
    }
    return services;
  }
}

interface Walk<P> {
  readonly reached: Set<GroupMember<P>>;
  readonly hosts: Set<string>;
  readonly services: Set<ObjectKey>;
  readonly snapshot: ObjectSnapshot;
  readonly formerly: boolean;
}

/** What the Service itself asks for; empty = nothing. */
function backupOfService(key: ObjectKey, snapshot: ObjectSnapshot, memory: CompileMemory): string {
  const service = snapshot.services.get(key);
  return service === undefined ? '' : (memory.readService(service).settings.backup ?? '');
}

/** As written: `service:port`. */
function serviceOfBackup(written: string): string {
  return written.slice(0, written.lastIndexOf(':'));
}

function put<P>(index: Index<P>, name: string, member: GroupMember<P>): void {
  const members = index.get(name);
  if (members === undefined) index.set(name, [member]);
  else members.push(member);
}

function take<P>(index: Index<P>, name: string, member: GroupMember<P>): void {
  const members = index.get(name) ?? [];
  const at = members.indexOf(member);
  if (at !== -1) members.splice(at, 1);
  if (members.length === 0) index.delete(name);
}
