/** An endpoint of one upstream, as far as probes go: which loop speaks for it, and what the workers were told. */
import type { LastCheck } from '../model/health-check.ts';
import type { EndpointAddress, HealthChange, UpstreamId } from '../model/proxy-config.ts';
import type { EndpointProbe, ProbeWatcher, Verdict } from './endpoint-probe.ts';
import type { ProbeGroup, ProbeGroups } from './probe-groups.ts';

/** A new endpoint may receive traffic before its first check: refusing would make every deployment wait for the prober. */
const NEW_ENDPOINT: Verdict = { healthy: true, reason: '' };

export class CheckedEndpoint implements ProbeWatcher {
  readonly upstreamId: UpstreamId;
  readonly #endpointId: string;
  readonly #groups: ProbeGroups;
  readonly #onTransition: (change: HealthChange, consecutive: number) => void;
  #told: Verdict;
  #group: ProbeGroup | null;
  #probe: EndpointProbe | null;

  /** @param onTransition `consecutive` is 0 when others found it out before */
  constructor(
    upstreamId: UpstreamId,
    endpointId: string,
    groups: ProbeGroups,
    onTransition: (change: HealthChange, consecutive: number) => void,
  ) {
    this.upstreamId = upstreamId;
    this.#endpointId = endpointId;
    this.#groups = groups;
    this.#onTransition = onTransition;
    this.#told = NEW_ENDPOINT;
    this.#group = null;
    this.#probe = null;
  }

  get healthy(): boolean {
    return this.#told.healthy;
  }

  get last(): LastCheck | null {
    return this.#probe?.last ?? null;
  }

  /** The verdict stays until another way of probing has proved otherwise, unless somebody else probes that way already. */
  probeIn(group: ProbeGroup, address: EndpointAddress): void {
    if (group === this.#group) return;
    const probe = this.#groups.watch(group, address, this, this.#told);
    this.stop();
    this.#group = group;
    this.#probe = probe;
    if (probe.healthy !== this.#told.healthy) this.onVerdict(probe, 0);
  }

  stop(): void {
    if (this.#group !== null && this.#probe !== null) this.#groups.unwatch(this.#group, this.#probe, this);
    this.#group = null;
    this.#probe = null;
  }

  onVerdict({ healthy, reason }: Verdict, consecutive: number): void {
    this.#told = { healthy, reason };
    this.#onTransition(this.toChange(), consecutive);
  }

  toChange(): HealthChange {
    return { upstreamId: this.upstreamId, endpointId: this.#endpointId, ...this.#told };
  }
}
