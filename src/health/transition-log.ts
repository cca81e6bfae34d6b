/**
 * Logs who became healthy or unhealthy. When a whole network goes away, thousands do at once: beyond some lines a moment
 * they are only counted.
 */
import type { Logger } from '../log/logger.ts';
import type { HealthChange } from '../model/proxy-config.ts';
import { Alarm, type ProbeClock } from './probe-clock.ts';

const WINDOW_MS = 10_000;
const LINES_PER_WINDOW = 100;

export class TransitionLog extends Alarm {
  readonly #logger: Logger;
  readonly #clock: ProbeClock;
  #windowEndMs: number;
  #lines: number;
  #healthy: number;
  #unhealthy: number;

  constructor(logger: Logger, clock: ProbeClock) {
    super();
    this.#logger = logger;
    this.#clock = clock;
    this.#windowEndMs = 0;
    this.#lines = 0;
    this.#healthy = 0;
    this.#unhealthy = 0;
  }

  add({ upstreamId: upstream, endpointId: endpoint, healthy, reason }: HealthChange, consecutive: number): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + WINDOW_MS;
      this.#lines = 0;
    }
    if (this.#lines++ >= LINES_PER_WINDOW) this.#count(healthy);
    else if (healthy) this.#logger.info('endpoint healthy', { upstream, endpoint, consecutive });
    else this.#logger.warn('endpoint unhealthy', { upstream, endpoint, reason, consecutive });
  }

  /** What was only counted so far is said now. */
  flush(): void {
    this.#clock.clear(this);
    if (this.#healthy + this.#unhealthy === 0) return;
    this.#logger.warn('more endpoints changed', { healthy: this.#healthy, unhealthy: this.#unhealthy });
    this.#healthy = 0;
    this.#unhealthy = 0;
  }

  override onAlarm(): void {
    this.flush();
  }

  #count(healthy: boolean): void {
    if (this.#healthy + this.#unhealthy === 0) this.#clock.set(this, this.#windowEndMs);
    if (healthy) this.#healthy++;
    else this.#unhealthy++;
  }
}
