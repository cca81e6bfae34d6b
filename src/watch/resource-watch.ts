/** The reflectors of one resource: one for the whole cluster, or one for each watched namespace. */
import type { ObjectKey } from '../model/object-ref.ts';
import type { KubernetesResource } from './kubernetes-resources.ts';
import type { NarrowResult } from './narrow-object.ts';
import type { Reflector, ReflectorStatus } from './reflector.ts';
import type { SnapshotKind } from './snapshot.ts';

export interface ResourceScope {
  /** Empty = the whole cluster. */
  readonly namespace: string;
  readonly reflector: Reflector<NarrowResult<object>>;
}

export interface ResourceStatus {
  /** Plural, as in the API. */
  readonly resource: string;
  /** Empty = the whole cluster. */
  readonly namespace: string;
  readonly synced: boolean;
  readonly denied: boolean;
  readonly objects: number;
  /** Since the last event, bookmark or list; -1 = never. */
  readonly lastEventAgeMs: number;
  readonly lists: number;
  readonly watches: number;
  /** By HTTP status, or `connection`, or `protocol`. */
  readonly errors: Readonly<Record<string, number>>;
}

export class ResourceWatch {
  readonly resource: KubernetesResource<SnapshotKind>;
  readonly scopes: readonly ResourceScope[];
  readonly #stop: AbortController;

  constructor(resource: KubernetesResource<SnapshotKind>, scopes: readonly ResourceScope[]) {
    this.resource = resource;
    this.scopes = scopes;
    this.#stop = new AbortController();
  }

  /** Ends after `signal` aborted or `stop` was called. */
  async run(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#stop.signal]);
    await Promise.all(this.scopes.map(({ reflector }) => reflector.run(either)));
  }

  stop(): void {
    this.#stop.abort();
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Every scope was read completely at least once. */
  get synced(): boolean {
    return this.#statuses().every((status) => status.synced);
  }

  /** Nothing more to wait for: every scope is synced, or cannot be read and need not be. */
  get settled(): boolean {
    return this.#statuses().every((status) => status.synced || (status.denied !== null && !this.resource.required));
  }

  keys(): readonly ObjectKey[] {
    return this.scopes.flatMap(({ reflector }) => reflector.keys());
  }

  status(): readonly ResourceStatus[] {
    return this.scopes.map(({ namespace, reflector }) => {
      const { denied, ...rest } = reflector.status();
      return { resource: this.resource.plural, namespace, ...rest, denied: denied !== null };
    });
  }

  #statuses(): readonly ReflectorStatus[] {
    return this.scopes.map(({ reflector }) => reflector.status());
  }
}
