/**
 * What a controller writes back to the cluster: the status of the Ingresses it serves, and Events about those it cannot serve as
 * written. Every replica follows the state, so that a new leader can go on at once; only the leader writes.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from '../log/logger.ts';
import type { ConfigChanges } from '../model/config-changes.ts';
import { formatRef, type ObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { ClassedIngress } from '../model/objects.ts';
import { differingKeys } from '../model/piecewise-map.ts';
import type { ProxyConfig } from '../model/proxy-config.ts';
import { type Clock, systemClock } from './clock.ts';
import type { EventNotice } from './event-object.ts';
import { DEFAULT_EVENT_TIMING, EventRecorder, type EventTiming } from './event-recorder.ts';
import type { IngressRecord } from './ingress-record.ts';
import { KubeClient } from './kube-client.ts';
import { DEFAULT_ELECTION_TIMING, type ElectionTiming, LeaderElection, type Term } from './leader-election.ts';
import { toIngressSubject, toProblemNotices } from './problem-events.ts';
import { PublishedAddresses } from './published-addresses.ts';
import { DEFAULT_REFLECTOR_TIMING, type ReflectorTiming } from './reflector.ts';
import { DEFAULT_RELEASE_RATE, ReleaseStateWriter } from './release-state-writer.ts';
import { DEFAULT_REPLICA_TIMING, ReplicaLeases, type ReplicaTiming } from './replica-leases.ts';
import { RetryGate } from './retry-gate.ts';
import { ServedIngresses } from './served-ingresses.ts';
import { DEFAULT_STATUS_TIMING, type StatusTiming, StatusWriter } from './status-writer.ts';
import { type WriteCount, WriteCounts } from './write-counts.ts';
import type { WriteRate } from './write-gate.ts';

export interface FeedbackTiming {
  readonly election: ElectionTiming;
  readonly status: StatusTiming;
  readonly events: EventTiming;
  readonly reflector: ReflectorTiming;
  /** Between two looks at the nodes our pods run on. */
  readonly nodesIntervalMs: number;
  readonly replicas: ReplicaTiming;
  readonly releases: WriteRate;
}

export const DEFAULT_FEEDBACK_TIMING: FeedbackTiming = {
  election: DEFAULT_ELECTION_TIMING,
  status: DEFAULT_STATUS_TIMING,
  events: DEFAULT_EVENT_TIMING,
  reflector: DEFAULT_REFLECTOR_TIMING,
  nodesIntervalMs: 60_000,
  replicas: DEFAULT_REPLICA_TIMING,
  releases: DEFAULT_RELEASE_RATE,
};

export interface KubernetesFeedbackOptions {
  /** Value of `--kubeconfig`; null = look for one. */
  readonly kubeconfig: string | null;
  /** `--election-id`: name of the Lease. */
  readonly electionId: string;
  /** `--publish-service`: `namespace/name`; empty = none. */
  readonly publishService: string;
  /** `--publish-status-address`. */
  readonly publishStatusAddresses: readonly string[];
  readonly isOurs: (ingress: ClassedIngress, classes: ObjectSnapshot['ingressClasses']) => boolean;
  /** It names our class, which does not exist: not ours, but nobody else will tell. */
  readonly isClassMissing: (ingress: ClassedIngress, classes: ObjectSnapshot['ingressClasses']) => boolean;
  readonly logger: Logger;
  /** `sluice/<version>`. */
  readonly userAgent: string;
  readonly env: NodeJS.ProcessEnv;
  readonly clock?: Clock;
  /** In [0, 1). */
  readonly random?: () => number;
  readonly timing?: FeedbackTiming;
}

/** Between two attempts of what waits after a failure. */
const RETRY_SPACING_MS = 50;
/** Who says so, in Events: also where the class of another controller was taken over. */
const REPORTING_CONTROLLER = 'sluice.dev/ingress-controller';

export class KubernetesFeedback {
  readonly #options: KubernetesFeedbackOptions;
  readonly #client: KubeClient;
  readonly #counts: WriteCounts;
  readonly #election: LeaderElection;
  readonly #status: StatusWriter;
  readonly #events: EventRecorder;
  readonly #addresses: PublishedAddresses;
  /** Where states of releases are written to. */
  readonly releases: ReleaseStateWriter;
  /** What replicas tell each other of releases. */
  readonly replicas: ReplicaLeases;
  #snapshot: ObjectSnapshot | null;
  #config: Pick<ProxyConfig, 'problems' | 'routes'> | null;
  readonly #served: ServedIngresses;
  /** What the problems told last are about. */
  #troubled: ReadonlySet<string>;

  /** Throws with a message for the user when there is no API server to talk to. */
  constructor(options: KubernetesFeedbackOptions) {
    const { kubeconfig, logger, userAgent, env, timing = DEFAULT_FEEDBACK_TIMING } = options;
    const clock = options.clock ?? systemClock;
    const random = options.random ?? Math.random;
    this.#options = options;
    // One of its own: writes have other connections than watches, and last longer at shutdown.
    this.#client = new KubeClient({ kubeconfig, logger, userAgent, env });
    this.#counts = new WriteCounts();
    const client = this.#client;
    const shared = { client, counts: this.#counts, logger, clock, random };
    const namespace = env['POD_NAMESPACE'] || client.namespace;
    const podName = env['POD_NAME'] || '';
    const instance = podName || hostname();
    this.#status = new StatusWriter({ ...shared, timing: timing.status });
    const reporter = { controller: REPORTING_CONTROLLER, instance };
    this.#events = new EventRecorder({ ...shared, reporter, timing: timing.events });
    this.#addresses = new PublishedAddresses({
      ...shared,
      statusAddresses: options.publishStatusAddresses,
      service: options.publishService,
      pod: podName === '' ? null : { namespace, name: podName },
      gate: new RetryGate(clock, RETRY_SPACING_MS),
      reflectorTiming: timing.reflector,
      nodesIntervalMs: timing.nodesIntervalMs,
      onAddresses: (addresses) => this.#status.setAddresses(addresses),
    });
    const identity = `${instance}_${randomUUID()}`;
    this.#election = new LeaderElection({
      ...shared,
      name: options.electionId,
      namespace,
      identity,
      timing: timing.election,
      lead: (term) => this.#lead(term),
    });
    this.releases = new ReleaseStateWriter({ ...shared, records: this.#status, rate: timing.releases });
    this.replicas = new ReplicaLeases({
      ...shared,
      namespace,
      electionId: options.electionId,
      identity,
      isLeader: () => this.isLeader,
      timing: timing.replicas,
    });
    this.#snapshot = null;
    this.#config = null;
    this.#served = new ServedIngresses();
    this.#troubled = new Set();
  }

  get isLeader(): boolean {
    return this.#election.isLeader;
  }

  writes(): readonly WriteCount[] {
    return this.#counts.list();
  }

  /** Resolves when everything has ended and the lease is given back. To be called once; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#election.run(signal), this.#addresses.run(signal), this.replicas.run(signal)]);
    this.#client.close();
  }

  /** An Ingress as it is watched; null = deleted. */
  observe(key: ObjectKey, record: IngressRecord | null): void {
    this.#status.observe(key, record);
  }

  /**
   * What is in force now in every worker. Costs what differs from the last time.
   * @param changes where the routes of `config` differ from those of another one, if that is known
   */
  update(
    snapshot: ObjectSnapshot,
    config: Pick<ProxyConfig, 'problems' | 'routes'>,
    changes: ConfigChanges | null = null,
  ): void {
    const last = this.#snapshot;
    const toldProblems = this.#config?.problems;
    this.#snapshot = snapshot;
    this.#config = config;
    const touched = this.#updateOurs(last, snapshot);
    if (toldProblems !== config.problems || this.#concernsProblems(last, snapshot, touched)) {
      this.#tellProblems(snapshot, config.problems);
    }
    const served = this.#served.update(config.routes, changes);
    // What was served at the start already is no news, and one Event for each of 10,000 Ingresses would be a flood of it.
    if (last !== null) this.#noteServed(served);
  }

  /** @returns the Ingresses that are other objects than before */
  #updateOurs(last: ObjectSnapshot | null, snapshot: ObjectSnapshot): readonly ObjectKey[] {
    const { isOurs } = this.#options;
    const classes = snapshot.ingressClasses;
    if (last === null || last.ingressClasses !== classes) {
      const ours = [...snapshot.ingresses].filter(([, ingress]) => isOurs(ingress, classes));
      this.#status.setOurs(new Set(ours.map(([key]) => key)));
      return [...snapshot.ingresses.keys()];
    }
    const touched = differingKeys(last.ingresses, snapshot.ingresses);
    for (const key of touched) {
      const ingress = snapshot.ingresses.get(key);
      this.#status.setOwnership(key, ingress !== undefined && isOurs(ingress, classes));
    }
    return touched;
  }

  /** Events go by the newest version of the object they are about. */
  #concernsProblems(last: ObjectSnapshot | null, snapshot: ObjectSnapshot, touched: readonly ObjectKey[]): boolean {
    if (this.#troubled.size === 0) return false;
    const movesOthers = last?.services !== snapshot.services || last.tlsSecrets !== snapshot.tlsSecrets;
    return movesOthers || touched.some((key) => this.#troubled.has(`Ingress ${key}`));
  }

  #tellProblems(snapshot: ObjectSnapshot, problems: ProxyConfig['problems']): void {
    const { isOurs, isClassMissing } = this.#options;
    const classes = snapshot.ingressClasses;
    const ingress = (key: ObjectKey): IngressRecord | null => {
      const record = this.#status.record(key);
      if (record === undefined) return null;
      return isOurs(record, classes) || isClassMissing(record, classes) ? record : null;
    };
    this.#events.setStanding(toProblemNotices(problems, { snapshot, ingress }));
    this.#troubled = new Set(problems.map(({ source }) => formatRef(source)));
  }

  #noteServed(served: readonly ObjectKey[]): void {
    for (const key of served) {
      const record = this.#status.record(key);
      if (record !== undefined) this.#note(key, record, { type: 'Normal', reason: 'Sync', note: 'serving' });
    }
  }

  /** Something that happened to an Ingress. */
  note(key: ObjectKey, notice: Omit<EventNotice, 'subject'>): void {
    const record = this.#status.record(key);
    if (record !== undefined) this.#note(key, record, notice);
  }

  #note(key: ObjectKey, record: IngressRecord, notice: Omit<EventNotice, 'subject'>): void {
    const [namespace = '', name = ''] = key.split('/');
    this.#events.note({ ...notice, subject: toIngressSubject({ kind: 'Ingress', namespace, name }, record) });
  }

  async #lead(term: Term): Promise<void> {
    await Promise.all([
      this.#addresses.lead(term),
      this.#status.lead(term),
      this.#events.lead(term),
      this.releases.lead(term),
    ]);
  }
}
