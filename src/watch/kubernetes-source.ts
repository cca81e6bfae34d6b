/**
 * Reads a Kubernetes cluster: keeps one reflector a resource and scope, gathers what they publish into snapshots, and
 * decides when there is enough to serve. Whatever the API server does later, what is known stays in force.
 */
import type { Logger } from '../log/logger.ts';
import type { FileLocation, ObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { Problem } from '../model/problem.ts';
import { ApiContact } from './api-contact.ts';
import { Backoff } from './backoff.ts';
import { ChangeCoalescer, type CoalescerTiming, DEFAULT_COALESCER_TIMING, type Emission } from './change-coalescer.ts';
import { type Clock, systemClock } from './clock.ts';
import { DenialReport } from './denial-report.ts';
import { discoverEndpointsKind, type EndpointsKind } from './discovery.ts';
import { type IngressRecord, toIngressRecord } from './ingress-record.ts';
import { KubeClient } from './kube-client.ts';
import { KubeApiError } from './kube-error.ts';
import { collectionPath, KUBERNETES_RESOURCES, type KubernetesResource } from './kubernetes-resources.ts';
import type { NarrowResult } from './narrow-object.ts';
import { DEFAULT_REFLECTOR_TIMING, Reflector, type ReflectorChange, type ReflectorTiming } from './reflector.ts';
import { type ResourceStatus, ResourceWatch } from './resource-watch.ts';
import { RetainedObjects } from './retained-objects.ts';
import { RetryGate } from './retry-gate.ts';
import { SnapshotBuilder, type SnapshotKind, type SnapshotObjects } from './snapshot.ts';
import type { ConfigSource, SnapshotListener } from './source.ts';

export interface KubernetesSourceOptions {
  /** Value of `--kubeconfig`; null = KUBECONFIG, the pod's service account, `~/.kube/config`. */
  readonly kubeconfig: string | null;
  /** Empty = the whole cluster. */
  readonly namespaces: readonly string[];
  /** Both for messages only: which Ingresses are ours is decided by the compiler. */
  readonly ingressClass: string;
  readonly controllerName: string;
  /** Each Ingress as it is watched, status included, before the snapshot that holds it; null = deleted. */
  readonly onIngress?: (key: ObjectKey, record: IngressRecord | null) => void;
  readonly logger: Logger;
  /** `sluice/<version>`. */
  readonly userAgent: string;
  /** Of an earlier run: stands in for what may not be read at the start and can be done without. */
  readonly earlier?: ObjectSnapshot | null;
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
  readonly reflectorTiming?: ReflectorTiming;
  readonly coalescerTiming?: CoalescerTiming;
}

interface Narrowed extends NarrowResult<SnapshotObjects[SnapshotKind]> {
  /** Null for all but Ingresses. */
  readonly ingress: IngressRecord | null;
}

/** Between two attempts of all reflectors together, after failures. */
const RETRY_SPACING_MS = 50;

export class KubernetesSource implements ConfigSource {
  readonly name = 'kubernetes';
  readonly #options: KubernetesSourceOptions;
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #timing: ReflectorTiming;
  readonly #gate: RetryGate;
  readonly #contact: ApiContact;
  readonly #builder: SnapshotBuilder;
  readonly #coalescer: ChangeCoalescer;
  readonly #running: Set<Promise<void>>;
  readonly #end: AbortController;
  readonly #retained: RetainedObjects;
  readonly #denials: DenialReport;
  #watches: readonly ResourceWatch[];
  /** Takes the place of the endpoints watch in force once it is synced; null = nothing to replace. */
  #nextEndpoints: ResourceWatch | null;
  #listener: SnapshotListener | null;
  #ready: boolean;
  #once: boolean;
  #rediscovering: boolean;

  /** Throws with a message for the user when there is no API server to talk to. */
  constructor({ earlier = null, ...options }: KubernetesSourceOptions) {
    this.#options = options;
    this.#client = new KubeClient({
      kubeconfig: options.kubeconfig,
      logger: options.logger,
      userAgent: options.userAgent,
      env: options.env ?? process.env,
    });
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#timing = options.reflectorTiming ?? DEFAULT_REFLECTOR_TIMING;
    this.#gate = new RetryGate(this.#clock, RETRY_SPACING_MS);
    this.#contact = new ApiContact(this.#clock, options.logger);
    this.#builder = new SnapshotBuilder();
    const timing = options.coalescerTiming ?? DEFAULT_COALESCER_TIMING;
    this.#coalescer = new ChangeCoalescer(this.#clock, timing, (what) => this.#emit(what));
    this.#running = new Set();
    this.#end = new AbortController();
    this.#retained = new RetainedObjects(earlier, this.#builder);
    this.#denials = new DenialReport({ ...options, builder: this.#builder, retained: this.#retained });
    this.#watches = [];
    this.#nextEndpoints = null;
    this.#listener = null;
    this.#ready = false;
    this.#once = false;
    this.#rediscovering = false;
  }

  /** Resolves when everything has ended. To be called once. */
  async start(listener: SnapshotListener, signal: AbortSignal, options?: { readonly once: boolean }): Promise<void> {
    this.#listener = listener;
    this.#once = options?.once ?? false;
    const either = AbortSignal.any([signal, this.#end.signal]);
    this.#options.logger.info('watching kubernetes', { server: this.#client.server, origin: this.#client.origin });
    const endpointsKind = await this.#discover(either);
    if (endpointsKind !== null) {
      this.#watches = (['Ingress', 'IngressClass', 'Service', 'Secret', endpointsKind] as const).map((kind) =>
        this.#createWatch(kind, either),
      );
      for (const watch of this.#watches) this.#run(watch, either);
      while (this.#running.size > 0) await Promise.all(this.#running);
    }
    this.#coalescer.close();
    this.#client.close();
  }

  locate(): FileLocation | null {
    return null;
  }

  /** What was emitted is what the cluster holds. */
  get synced(): boolean {
    return this.#ready;
  }

  /** Cheap: for metrics and readiness. */
  status(): readonly ResourceStatus[] {
    return this.#watches.flatMap((watch) => watch.status());
  }

  /** Whether the API server can be used now, and how long ago it last answered (-1 = never). */
  contact(): { readonly away: boolean; readonly lastContactAgeMs: number } {
    return { away: this.#contact.away, lastContactAgeMs: this.#contact.lastContactAgeMs };
  }

  async #discover(signal: AbortSignal): Promise<EndpointsKind | null> {
    const backoff = new Backoff(this.#timing.backoff, this.#random);
    while (!signal.aborted) {
      try {
        const kind = await discoverEndpointsKind(this.#client, signal);
        this.#contact.noteContact();
        this.#options.logger.info('kubernetes api found', { endpointsFrom: KUBERNETES_RESOURCES[kind].plural });
        return kind;
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof KubeApiError && error.status === 401) this.#client.dropCredentials();
        this.#noteFailure(error);
        await this.#gate.wait(backoff.nextDelayMs(this.#clock.nowMs()), false, signal);
      }
    }
    return null;
  }

  #createWatch(kind: SnapshotKind, signal: AbortSignal): ResourceWatch {
    const resource: KubernetesResource<SnapshotKind> = KUBERNETES_RESOURCES[kind];
    const namespaces = resource.namespaced && this.#options.namespaces.length > 0 ? this.#options.namespaces : [''];
    const watch: ResourceWatch = new ResourceWatch(
      resource,
      namespaces.map((namespace) => ({
        namespace,
        reflector: new Reflector<Narrowed>({
          client: this.#client,
          path: collectionPath(resource, namespace),
          query: resource.query,
          convert: (raw) => ({
            ...resource.narrow(raw),
            ingress: kind === 'Ingress' ? toIngressRecord(raw) : null,
          }),
          gate: this.#gate,
          timing: this.#timing,
          clock: this.#clock,
          random: this.#random,
          listener: {
            onChanges: (changes) => {
              if (!watch.stopped) this.#apply(kind, changes);
            },
            onStateChange: () => {
              if (!watch.stopped) this.#stateChanged(watch);
            },
            onContact: () => {
              this.#gate.noteContact();
              if (this.#contact.noteContact()) void this.#rediscover(signal);
            },
            onFailure: (error, recovery) => {
              this.#options.logger.debug('kubernetes request failed', { resource: resource.plural, namespace, error });
              if (!recovery.denied) this.#noteFailure(error);
              // The control plane may have been up- or downgraded under us; or we were forbidden to ask what it has, and
              // guessed: rights arrive late at a new cluster.
              if (recovery.code === '404' || (recovery.denied && isEndpointsKind(kind))) void this.#rediscover(signal);
            },
          },
        }),
      })),
    );
    return watch;
  }

  #run(watch: ResourceWatch, signal: AbortSignal): void {
    const done = watch.run(signal).finally(() => this.#running.delete(done));
    this.#running.add(done);
  }

  #apply(kind: SnapshotKind, changes: readonly ReflectorChange<Narrowed>[]): void {
    const before = this.#builder.change;
    let changed = false;
    for (const { key, value } of changes) {
      if (kind === 'Ingress') this.#options.onIngress?.(key, value?.ingress ?? null);
      if (this.#builder.set(kind, key, value?.value ?? null, value?.problems ?? [])) changed = true;
    }
    if (!changed || !this.#ready) return;
    const isEndpoints = kind === 'EndpointSlice' || kind === 'Endpoints';
    if (isEndpoints) this.#coalescer.noteEndpoints();
    // Problems of endpoints belong to the full snapshot.
    if (!isEndpoints || (before !== 'everything' && this.#builder.change === 'everything')) {
      this.#coalescer.noteEverything();
    }
  }

  #stateChanged(watch: ResourceWatch): void {
    if (watch === this.#nextEndpoints && watch.synced) this.#adoptEndpoints(watch);
    this.#retained.update(watch);
    const blocking = this.#denials.update(watch, this.#ready);
    if (blocking !== null) this.#failOnce(blocking);
    if (watch.resource.kind === 'IngressClass') {
      this.#builder.setClassesReadable(watch.synced || watch.scopes.some((scope) => this.#retained.has(scope)));
    }
    if (this.#ready) {
      if (this.#builder.change === 'everything') this.#coalescer.noteEverything();
    } else if (this.#watches.every((each) => each.settled)) {
      this.#ready = true;
      this.#retained.release();
      this.#coalescer.flush();
    }
  }

  /** Asks again which endpoint resource there is, and changes over without a gap. */
  async #rediscover(signal: AbortSignal): Promise<void> {
    const current = this.#watches.find((watch) => isEndpointsKind(watch.resource.kind));
    if (this.#rediscovering || current === undefined) return;
    this.#rediscovering = true;
    try {
      const kind = await discoverEndpointsKind(this.#client, signal);
      if (signal.aborted) return;
      const wanted = this.#nextEndpoints ?? current;
      if (wanted.resource.kind === kind) return;
      if (this.#nextEndpoints !== null) this.#retire(this.#nextEndpoints);
      this.#nextEndpoints = null;
      if (current.resource.kind === kind) return;
      this.#options.logger.info('kubernetes endpoints change over', {
        endpointsFrom: KUBERNETES_RESOURCES[kind].plural,
      });
      this.#nextEndpoints = this.#createWatch(kind, signal);
      this.#run(this.#nextEndpoints, signal);
    } catch {
      // The server went away again: the end of that outage asks anew.
    } finally {
      this.#rediscovering = false;
    }
  }

  #adoptEndpoints(next: ResourceWatch): void {
    for (const watch of this.#watches) if (isEndpointsKind(watch.resource.kind)) this.#retire(watch);
    this.#watches = [...this.#watches.filter((watch) => !watch.stopped), next];
    this.#nextEndpoints = null;
    if (this.#ready) this.#coalescer.noteEndpoints();
  }

  /** Stops it, and takes back all it has told. */
  #retire(watch: ResourceWatch): void {
    watch.stop();
    for (const key of watch.keys()) this.#builder.set(watch.resource.kind, key, null);
    this.#denials.forget(watch);
  }

  #emit(what: Emission): void {
    if (this.#builder.change === 'nothing') return;
    const snapshot = what === 'endpoints' ? this.#builder.buildEndpoints() : this.#builder.build();
    try {
      this.#listener?.onSnapshot(snapshot);
    } catch (error) {
      this.#options.logger.error('snapshot was not accepted', { revision: snapshot.revision, error });
    }
    if (this.#once) this.#end.abort();
  }

  #noteFailure(error: unknown): void {
    this.#contact.noteFailure(error);
    if (!this.#ready) this.#listener?.onUnreachable?.();
    const message = error instanceof Error ? error.message : String(error);
    this.#failOnce({
      code: 'resource-denied',
      severity: 'rejected',
      source: { kind: 'Cluster', namespace: '', name: this.#client.server },
      field: '',
      message: `cannot use the api server ${this.#client.server} (${this.#client.origin}): ${message}`,
      location: null,
    });
  }

  /** Who asked for the present state once does not wait for better times. */
  #failOnce(problem: Problem): void {
    if (!this.#once || this.#end.signal.aborted) return;
    this.#end.abort();
    this.#listener?.onInvalid([problem]);
  }
}

function isEndpointsKind(kind: SnapshotKind): kind is EndpointsKind {
  return kind === 'EndpointSlice' || kind === 'Endpoints';
}
