/** Counts what probes find, for the metrics. */
import type { HealthCheckStats } from '../model/health-check.ts';

export class ProbeTally {
  #inFlight = 0;
  #succeeded = 0;
  #failed = 0;
  #timedOut = 0;
  #becameHealthy = 0;
  #becameUnhealthy = 0;
  #healthy = 0;
  #unhealthy = 0;

  /** Addresses that are probed now. */
  get probed(): number {
    return this.#healthy + this.#unhealthy;
  }

  onStarted(healthy: boolean): void {
    if (healthy) this.#healthy++;
    else this.#unhealthy++;
  }

  onStopped(healthy: boolean): void {
    if (healthy) this.#healthy--;
    else this.#unhealthy--;
  }

  onAsked(): void {
    this.#inFlight++;
  }

  onAbandoned(): void {
    this.#inFlight--;
  }

  onResult(success: boolean, timedOut: boolean): void {
    this.#inFlight--;
    if (success) this.#succeeded++;
    else if (timedOut) this.#timedOut++;
    else this.#failed++;
  }

  onVerdict(healthy: boolean): void {
    this.onStopped(!healthy);
    this.onStarted(healthy);
    if (healthy) this.#becameHealthy++;
    else this.#becameUnhealthy++;
  }

  read(): Omit<HealthCheckStats, 'waiting'> {
    return {
      inFlight: this.#inFlight,
      succeeded: this.#succeeded,
      failed: this.#failed,
      timedOut: this.#timedOut,
      becameHealthy: this.#becameHealthy,
      becameUnhealthy: this.#becameUnhealthy,
      healthy: this.#healthy,
      unhealthy: this.#unhealthy,
    };
  }
}
