/**
 * What the workers have found out about endpoints from their requests: says it once in the log, whichever worker was first,
 * and remembers it for workers that start later.
 */
import type { Logger } from '../log/logger.ts';
import type { EjectionReason } from '../model/outlier-detection.ts';
import { type EjectionChange, type ProxyConfig, toEndpointId, type UpstreamId } from '../model/proxy-config.ts';
import { findUpstream } from '../model/sorted-config.ts';

/** An outage of many endpoints must not become a storm of lines: more than so many in this time are counted, not printed. */
const MAX_LINES = 20;
const LINES_INTERVAL_MS = 10_000;

interface Ejection {
  readonly reason: EjectionReason;
  readonly level: number;
  readonly untilMs: number;
}

export class EjectionBoard {
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  /** By upstream, then by endpoint. */
  readonly #ejections: Map<UpstreamId, Map<string, Ejection>>;
  #linesUntilMs: number;
  #lines: number;

  /** @param nowMs monotonic */
  constructor(logger: Logger, nowMs: () => number = () => performance.now()) {
    this.#logger = logger;
    this.#nowMs = nowMs;
    this.#ejections = new Map();
    this.#linesUntilMs = 0;
    this.#lines = 0;
  }

  note(changes: readonly EjectionChange[]): void {
    for (const change of changes) {
      if (change.reason === null) this.#noteReturn(change);
      else this.#noteEjection(change, change.reason);
    }
  }

  /** A probe found it healthy again, which ends its ejection in every worker. */
  forgive(upstreamId: UpstreamId, endpointId: string): void {
    const ofUpstream = this.#ejections.get(upstreamId);
    if (ofUpstream?.delete(endpointId) === true && ofUpstream.size === 0) this.#ejections.delete(upstreamId);
  }

  /** What a new worker must be told: ejections whose time is over too, as their trial is still to come. */
  snapshot(): readonly EjectionChange[] {
    const nowMs = this.#nowMs();
    return [...this.#ejections].flatMap(([upstreamId, endpoints]) =>
      Array.from(endpoints, ([endpointId, { reason, level, untilMs }]) => {
        return { upstreamId, endpointId, reason, forMs: Math.max(0, untilMs - nowMs), level };
      }),
    );
  }

  /** Forgets endpoints that are gone: one that comes back under the same address is another. */
  retain(config: ProxyConfig): void {
    if (this.#ejections.size === 0) return;
    for (const [upstreamId, ejections] of this.#ejections) {
      const ids = new Set(
        findUpstream(config.upstreams, upstreamId)?.endpoints.map(({ address, port }) => toEndpointId(address, port)),
      );
      for (const endpointId of ejections.keys()) if (!ids.has(endpointId)) ejections.delete(endpointId);
      if (ejections.size === 0) this.#ejections.delete(upstreamId);
    }
  }

  #noteEjection({ upstreamId, endpointId, forMs, level }: EjectionChange, reason: EjectionReason): void {
    const ofUpstream = this.#ejections.get(upstreamId) ?? new Map<string, Ejection>();
    const known = ofUpstream.get(endpointId);
    // Workers that come to the same conclusion by themselves, or hear of it too late.
    if (known !== undefined && known.level >= level) return;
    this.#ejections.set(upstreamId, ofUpstream);
    ofUpstream.set(endpointId, { reason, level, untilMs: this.#nowMs() + forMs });
    if (!this.#mayPrint()) return;
    const fields = { upstream: upstreamId, endpoint: endpointId, reason, forMs, inARow: level };
    this.#logger.warn('endpoint ejected', fields);
  }

  #noteReturn({ upstreamId, endpointId }: EjectionChange): void {
    const ofUpstream = this.#ejections.get(upstreamId);
    const known = ofUpstream?.get(endpointId);
    if (known === undefined) return;
    this.forgive(upstreamId, endpointId);
    if (!this.#mayPrint()) return;
    this.#logger.info('endpoint returned', { upstream: upstreamId, endpoint: endpointId, wasEjectedFor: known.reason });
  }

  #mayPrint(): boolean {
    const nowMs = this.#nowMs();
    if (nowMs >= this.#linesUntilMs) {
      const notPrinted = this.#lines - MAX_LINES;
      if (notPrinted > 0) this.#logger.warn('more endpoints ejected or returned', { notPrinted });
      this.#linesUntilMs = nowMs + LINES_INTERVAL_MS;
      this.#lines = 0;
    }
    return ++this.#lines <= MAX_LINES;
  }
}
