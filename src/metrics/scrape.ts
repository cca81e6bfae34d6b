/** Everything one scrape is made of, gathered once so that all families show the same moment. */
import type { HealthCheckStats } from '../model/health-check.ts';
import type { Problem } from '../model/problem.ts';
import type { CertificateConfig } from '../model/proxy-config.ts';
import type { ReleaseReport } from '../model/release-status.ts';
import type { WorkerStats } from '../model/worker-stats.ts';
import type { StatsSum } from './stats-sum.ts';

/** What a route id stands for; from the running configuration. */
export interface RouteProvenance {
  readonly host: string;
  readonly path: string;
  /** Of the source object. */
  readonly namespace: string;
  readonly name: string;
  readonly kind: string;
}

export interface LeaderStatus {
  readonly electionId: string;
  readonly isLeader: boolean;
  /** Requests that change objects of the cluster, by what they write and what became of them. */
  readonly writes: readonly { readonly kind: string; readonly result: string; readonly count: number }[];
}

/** What the admission webhook has counted. */
export interface AdmissionStatus {
  readonly results: Readonly<Record<string, number>>;
  /** Upper bounds; the last count has none. */
  readonly boundsSeconds: readonly number[];
  readonly durationCounts: readonly number[];
  readonly durationSumSeconds: number;
}

/** The state of the control plane. */
export interface ControlStatus {
  /** In force in every worker; 0 = none yet. */
  readonly generation: number;
  /** False while the newest configuration could not be compiled or applied. */
  readonly lastApplySucceeded: boolean;
  /** Milliseconds since 1970; 0 = never. */
  readonly lastAppliedAt: number;
  /** Running totals over configurations, not over workers. */
  readonly applied: number;
  readonly applyFailures: number;
  readonly workerRestarts: number;
  /** Of these, workers that were ended because they hung. */
  readonly workerHangs: number;
  readonly problems: readonly Pick<Problem, 'code' | 'severity'>[];
  /** Null where no election takes place. */
  readonly leader: LeaderStatus | null;
  /** Null where what is served is not kept on disk. */
  readonly snapshot: {
    readonly serving: boolean;
    /** -1 while none is served. */
    readonly ageMs: number;
    /** Milliseconds since 1970; 0 = never. */
    readonly lastWrittenAt: number;
    readonly writeFailures: number;
  } | null;
  /** Null where there is no admission webhook. */
  readonly admission: AdmissionStatus | null;
  readonly releases: ReleaseReport;
}

export interface Scrape {
  /** Of the workers that answered. */
  readonly workers: readonly WorkerStats[];
  readonly sum: StatsSum;
  readonly routes: ReadonlyMap<string, RouteProvenance>;
  readonly certificates: readonly Pick<CertificateConfig, 'hosts' | 'isDefault' | 'notAfter' | 'source'>[];
  readonly control: ControlStatus;
  readonly health: HealthCheckStats;
}
