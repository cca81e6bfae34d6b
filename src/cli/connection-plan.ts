/** How many connections each worker and the health probes may hold, and how many open files that takes. */
import type { ProbeLimits } from '../health/active-prober.ts';

export interface ConnectionPlan {
  /** Of each worker. */
  readonly maxConnections: number;
  /** Of each worker. */
  readonly maxSockets: number;
  /** Of the process, which probes once for all workers. */
  readonly probes: ProbeLimits;
  /** What all workers together may lend to probes for more kept connections, as long as they do not need it. */
  readonly maxLent: number;
  /** What the limit of open files of the process should be for the connections asked for. */
  readonly openFilesWanted: number;
}

const DEFAULT_CONNECTIONS = 16_384;
/** The client's socket, and one to an endpoint. */
const FILES_PER_CONNECTION = 2;
/** Listeners, the admin port, the API server, logs, and some room. */
const FILES_BESIDES = 256;
/** With fewer nothing could be served at all. */
const MIN_SOCKETS = 32;
/** Requests come first: probes get one file in so many, and most of them are for connections that are kept. */
const PROBE_SHARE = 16;
const IN_FLIGHT_SHARE = 4;
const MIN_PROBE_FILES = 8;
/**
 * Endpoints that swallow probes hold each for its whole time limit: with 5,000 of them, a limit of 1 s and an interval of 5 s,
 * 1,000 are in flight. One upstream alone gets half (`health/probe-slots.ts`).
 */
const MAX_PROBES_IN_FLIGHT = 2_048;
const MAX_PROBES_KEPT = 16_384;
/** What each worker may lend of its files: one in so many. */
const LENT_SHARE = 4;
const MAX_PROBE_FILES = MAX_PROBES_IN_FLIGHT + MAX_PROBES_KEPT;

/**
 * Never more than the limit of open files allows, whatever was asked for: what comes when it is reached is worse than a
 * connection refused (`proxy/connection-gate.ts`).
 */
export function planConnections(asked: number | 'auto', workers: number, openFiles: number): ConnectionPlan {
  const wanted = asked === 'auto' ? DEFAULT_CONNECTIONS : Math.ceil(asked / workers);
  const files = openFiles - FILES_BESIDES;
  const probeFiles = Math.max(MIN_PROBE_FILES, Math.min(MAX_PROBE_FILES, Math.floor(files / PROBE_SHARE)));
  const maxInFlight = Math.min(MAX_PROBES_IN_FLIGHT, Math.floor(probeFiles / IN_FLIGHT_SHARE));
  const maxKept = probeFiles - maxInFlight;
  const workerShare = Math.floor((files - probeFiles) / workers);
  const maxSockets = Math.max(MIN_SOCKETS, workerShare);
  const workerFiles = wanted * workers * FILES_PER_CONNECTION;
  return {
    maxConnections: Math.min(wanted, Math.floor(maxSockets / FILES_PER_CONNECTION)),
    maxSockets,
    probes: { maxInFlight, maxKept },
    maxLent: Math.min(MAX_PROBES_KEPT - maxKept, Math.floor(Math.max(0, workerShare) / LENT_SHARE) * workers),
    openFilesWanted:
      workerFiles + Math.min(MAX_PROBE_FILES, Math.ceil(workerFiles / (PROBE_SHARE - 1))) + FILES_BESIDES,
  };
}
