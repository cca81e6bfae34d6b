/** How many connections each worker may hold, and how many open files that takes. */

/** Of each worker, but for `openFilesWanted`. */
export interface ConnectionPlan {
  readonly maxConnections: number;
  readonly maxSockets: number;
  /** What the limit of open files of the process should be for the connections asked for. */
  readonly openFilesWanted: number;
}

const DEFAULT_CONNECTIONS = 16_384;
/** The client's socket, and one to an endpoint. */
const FILES_PER_CONNECTION = 2;
/** Listeners, the admin port, the API server, probes, logs, and some room. */
const FILES_BESIDES = 256;
/** With fewer nothing could be served at all. */
const MIN_SOCKETS = 32;

/**
 * Never more than the limit of open files allows, whatever was asked for: what comes when it is reached is worse than a
 * connection refused (`proxy/connection-gate.ts`).
 */
export function planConnections(asked: number | 'auto', workers: number, openFiles: number): ConnectionPlan {
  const wanted = asked === 'auto' ? DEFAULT_CONNECTIONS : Math.ceil(asked / workers);
  const maxSockets = Math.max(MIN_SOCKETS, Math.floor((openFiles - FILES_BESIDES) / workers));
  return {
    maxConnections: Math.min(wanted, Math.floor(maxSockets / FILES_PER_CONNECTION)),
    maxSockets,
    openFilesWanted: wanted * workers * FILES_PER_CONNECTION + FILES_BESIDES,
  };
}
