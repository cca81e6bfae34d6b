/** What the control plane and a data-plane worker say to each other. Plain data only. */
import type { WrittenPatch } from './config-patch.ts';
import type { EjectionChange, EndpointChange, HealthChange, ProxyConfig } from './proxy-config.ts';
import type { ReleaseFigures } from './release.ts';
import type { RowChoice, StatsRows, WorkerStats } from './worker-stats.ts';

export type ToWorker =
  /** Session ticket keys, 48 bytes, the same in every worker. The first message of all, and again at each rotation. */
  | { readonly type: 'ticket-keys'; readonly keys: Uint8Array }
  | { readonly type: 'config'; readonly config: ProxyConfig; readonly ports: readonly BoundPort[] }
  /** Answered like `config`, or with `out-of-step`. */
  | { readonly type: 'patch'; readonly patch: WrittenPatch }
  | { readonly type: 'endpoints'; readonly sequence: number; readonly changes: readonly EndpointChange[] }
  | { readonly type: 'health'; readonly changes: readonly HealthChange[] }
  /** What the requests of other workers told. */
  | { readonly type: 'ejections'; readonly changes: readonly EjectionChange[] }
  | { readonly type: 'stats'; readonly requestId: number; readonly rows: RowChoice }
  | { readonly type: 'release-figures'; readonly requestId: number }
  /** A drain will follow: go on accepting, and let clients of HTTP/1.1 connect anew for each request. */
  | { readonly type: 'leave' }
  | { readonly type: 'drain'; readonly deadlineMs: number };

export type FromWorker =
  | {
      readonly type: 'applied';
      readonly generation: number;
      /** Empty on success; else why the running generation stayed. */
      readonly error: string;
      readonly ports: readonly BoundPort[];
    }
  /** A patch was for another generation than the one that runs: nothing is changed, the whole configuration is needed. */
  | { readonly type: 'out-of-step'; readonly generation: number }
  | { readonly type: 'endpoints-applied'; readonly sequence: number }
  /** Some of the rows of the `stats` that will follow. */
  | { readonly type: 'stats-rows'; readonly requestId: number; readonly rows: StatsRows }
  | { readonly type: 'stats'; readonly requestId: number; readonly stats: WorkerStats }
  /** Of all releases it has routes of. */
  | { readonly type: 'release-figures'; readonly requestId: number; readonly rows: readonly ReleaseFigures[] }
  | { readonly type: 'access-log'; readonly lines: string }
  /** What its requests told, and no worker has told it. */
  | { readonly type: 'ejections'; readonly changes: readonly EjectionChange[] }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'drained' };

/** The port a listener really has (differs from the configured one where that is 0). */
export interface BoundPort {
  readonly listener: string;
  readonly port: number;
}

/** What one client may cost. */
export interface ClientLimits {
  /** Request line and header section, bytes. */
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  /** Request target, bytes. */
  readonly maxTargetBytes: number;
  /** From the first byte of a request head to its end; for the first one of a connection, from its start. */
  readonly headTimeoutMs: number;
  /** Silence between two requests of a client connection. */
  readonly keepAliveTimeoutMs: number;
  /** Silence while a request body is expected. */
  readonly bodyTimeoutMs: number;
  /** Longest a client may refuse to read. */
  readonly writeTimeoutMs: number;
  /** Connections at once from one client, to each worker; 0 = no limit. */
  readonly maxConnectionsPerIp: number;
}

/** In `loan` of `WorkerSettings`: how many of its files each worker lends to health probes. */
export const LENT = 0;
/** In the same: workers move it while they want them back. */
export const WANTED = 1;

/** `workerData` of a data-plane thread. */
export interface WorkerSettings extends ClientLimits {
  readonly workerId: number;
  /** How many workers there are: each keeps to its share of what an upstream may be asked for. */
  readonly workers: number;
  /** One number in shared memory that the worker moves as long as it lives. */
  readonly pulse: Int32Array;
  /** Two numbers in memory that all threads share, `LENT` and `WANTED`. */
  readonly loan: Int32Array;
  readonly accessLog: 'off' | 'json' | 'text';
  /** Client connections at once, on all listeners together, handshakes included. */
  readonly maxConnections: number;
  /** Client and upstream connections from which on no further client is let in: the worker's share of open files. */
  readonly maxSockets: number;
  /** For the whole PROXY protocol header, where one is expected. */
  readonly proxyHeaderTimeoutMs: number;
  readonly tlsHandshakeTimeoutMs: number;
  /** Idle connections kept per endpoint. */
  readonly maxIdlePerEndpoint: number;
  readonly upstreamIdleTimeoutMs: number;
  /** Whether SO_REUSEPORT is available; false means there is one worker. */
  readonly reusePort: boolean;
}
