/** What the fake stores: one revision counter over all resources and an append-only log, from which every past state can be read. */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ResourceType } from './resources.ts';

export interface ObjectMetadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface StoredObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMetadata;
  spec?: unknown;
  status?: unknown;
  type?: string;
}

/** What tests write: `apiVersion` and `kind` follow from the resource. */
export type ObjectInput = { readonly metadata: ObjectMetadata } & Readonly<Record<string, unknown>>;

export interface LogEntry {
  readonly revision: number;
  readonly type: ResourceType;
  readonly key: string;
  readonly before: StoredObject | null;
  /** For a deletion the last state, stamped with the deletion's revision. */
  readonly after: StoredObject;
  readonly deleted: boolean;
}

export class Storage {
  #revision = 1;
  #compactedRevision = 0;
  #log: LogEntry[] = [];
  /** What exists now, by `plural key`. */
  #current = new Map<string, StoredObject>();
  readonly #listeners = new Set<(entry: LogEntry) => void>();

  get revision(): number {
    return this.#revision;
  }

  /** A watch or page from a revision below this has no history to go on from. */
  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  onWrite(listener: (entry: LogEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Creates or replaces. A write that changes nothing keeps the resource version and makes no event. */
  put(type: ResourceType, input: ObjectInput): StoredObject {
    const key = keyOf(input.metadata);
    const before = this.get(type, key);
    const metadata = structuredClone(input.metadata);
    const object = {
      ...structuredClone(input),
      apiVersion: type.apiVersion,
      kind: type.kind,
      metadata,
    } as StoredObject;
    metadata.uid = before?.metadata.uid ?? randomUUID();
    metadata.creationTimestamp = before?.metadata.creationTimestamp ?? '2026-01-01T00:00:00Z';
    if (before !== null && object.status === undefined && before.status !== undefined) object.status = before.status;
    const specChanged = before === null || !isDeepStrictEqual(before.spec, object.spec);
    metadata.generation = (before?.metadata.generation ?? 0) + (specChanged ? 1 : 0);
    if (before !== null) {
      metadata.resourceVersion = before.metadata.resourceVersion ?? '';
      if (isDeepStrictEqual(before, object)) return before;
    }
    return this.#append(type, key, before, object, false);
  }

  /** The `/status` subresource: `status`, labels and annotations change, not the generation. */
  putStatus(type: ResourceType, key: string, status: unknown, input?: ObjectMetadata): StoredObject {
    const before = this.get(type, key);
    if (before === null) throw new Error(`the fake has no ${type.plural} ${key}`);
    const { labels = before.metadata.labels, annotations = before.metadata.annotations } = input ?? {};
    const metadata = structuredClone({
      ...before.metadata,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    });
    const after = { ...structuredClone(before), metadata, ...(status === undefined ? {} : { status }) };
    if (isDeepStrictEqual(before, after)) return before;
    return this.#append(type, key, before, after, false);
  }

  delete(type: ResourceType, key: string): boolean {
    const before = this.get(type, key);
    if (before === null) return false;
    this.#append(type, key, before, structuredClone(before), true);
    return true;
  }

  get(type: ResourceType, key: string): StoredObject | null {
    return this.#current.get(`${type.plural} ${key}`) ?? null;
  }

  /** All objects of a resource as they were at `revision`, in key order. */
  stateAt(type: ResourceType, revision: number): readonly StoredObject[] {
    const state = new Map<string, StoredObject>();
    for (const entry of this.#log) {
      if (entry.type !== type || entry.revision > revision) continue;
      if (entry.deleted) state.delete(entry.key);
      else state.set(entry.key, entry.after);
    }
    return [...state].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  since(type: ResourceType, revision: number): readonly LogEntry[] {
    return this.#log.filter((entry) => entry.type === type && entry.revision > revision);
  }

  /** Forgets the history up to now. */
  compact(): void {
    this.#compactedRevision = this.#revision;
  }

  /** As after a restore from backup: state and counter go back, and the same revisions are given out again. */
  rollBack(revision: number): void {
    this.#log = this.#log.filter((entry) => entry.revision <= revision);
    this.#revision = revision;
    this.#compactedRevision = Math.min(this.#compactedRevision, revision);
    this.#current = new Map();
    for (const entry of this.#log) this.#remember(entry);
  }

  #remember({ type, key, after, deleted }: LogEntry): void {
    if (deleted) this.#current.delete(`${type.plural} ${key}`);
    else this.#current.set(`${type.plural} ${key}`, after);
  }

  #append(
    type: ResourceType,
    key: string,
    before: StoredObject | null,
    after: StoredObject,
    deleted: boolean,
  ): StoredObject {
    this.#revision++;
    after.metadata.resourceVersion = String(this.#revision);
    const entry: LogEntry = { revision: this.#revision, type, key, before, after, deleted };
    this.#log.push(entry);
    this.#remember(entry);
    for (const listener of this.#listeners) listener(entry);
    return after;
  }
}

export function keyOf(metadata: ObjectMetadata): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}
