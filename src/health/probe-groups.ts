/** All probe loops of the process: one for each address and each way of probing, however many upstreams ask for it. */
import type { HealthCheckConfig } from '../model/health-check.ts';
import { type EndpointAddress, type TransportConfig, toEndpointId } from '../model/proxy-config.ts';
import { EndpointProbe, type ProbeContext, type ProbeWatcher, type Verdict } from './endpoint-probe.ts';
import { type Probing, toProbing, toProbingKey } from './probing.ts';

/** What is asked in the same way, by address. */
export interface ProbeGroup {
  readonly key: string;
  readonly probing: Probing;
  readonly probes: Map<string, EndpointProbe>;
}

export class ProbeGroups {
  readonly #context: ProbeContext;
  readonly #groups: Map<string, ProbeGroup>;

  constructor(context: ProbeContext) {
    this.#context = context;
    this.#groups = new Map();
  }

  /** Whoever asks for a group that nobody watches in has to `drop` it in the end. */
  groupOf(check: HealthCheckConfig, transport: TransportConfig): ProbeGroup {
    const key = toProbingKey(check, transport);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { key, probing: toProbing(check, transport), probes: new Map() };
      this.#groups.set(key, group);
    }
    return group;
  }

  /**
   * @param before what is known of the endpoint, should nobody probe its address this way yet
   * @returns the probe of its address, which takes its slots from the share of whoever asked for it first
   */
  watch(group: ProbeGroup, endpoint: EndpointAddress, watcher: ProbeWatcher, before: Verdict): EndpointProbe {
    const port = group.probing.check.port === 0 ? endpoint.port : group.probing.check.port;
    const id = toEndpointId(endpoint.address, port);
    let probe = group.probes.get(id);
    if (probe === undefined) {
      const address = { address: endpoint.address, port };
      probe = new EndpointProbe(this.#context, group.probing, address, watcher.upstreamId, before);
      group.probes.set(id, probe);
    }
    probe.watchers.add(watcher);
    return probe;
  }

  unwatch(group: ProbeGroup, probe: EndpointProbe, watcher: ProbeWatcher): void {
    probe.watchers.delete(watcher);
    if (probe.watchers.size > 0) return;
    probe.stop();
    group.probes.delete(toEndpointId(probe.address.address, probe.address.port));
    this.drop(group);
  }

  /** Forgets it when nobody watches in it. */
  drop(group: ProbeGroup): void {
    if (group.probes.size === 0) this.#groups.delete(group.key);
  }
}
