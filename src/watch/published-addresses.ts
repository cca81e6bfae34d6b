/**
 * Finds the addresses that the status of Ingresses shows: those of the settings, those of a Service that is watched, or those of
 * the nodes our pods run on. What is not known (yet) is never told: an address that vanishes takes DNS names with it.
 */
import type { Logger } from '../log/logger.ts';
import type { ObjectKey } from '../model/object-ref.ts';
import { type Clock, pause, withDeadline } from './clock.ts';
import type { KubeClient } from './kube-client.ts';
import type { Term } from './leader-election.ts';
import { type LoadBalancerAddress, toLoadBalancerAddress } from './load-balancer-address.ts';
import { type OwnPod, readNodeAddresses } from './node-addresses.ts';
import { Reflector, type ReflectorStatus, type ReflectorTiming } from './reflector.ts';
import type { RetryGate } from './retry-gate.ts';
import { toServiceAddresses } from './service-addresses.ts';

export interface PublishedAddressesOptions {
  /** `--publish-status-address`; beats the Service. */
  readonly statusAddresses: readonly string[];
  /** `--publish-service`: `namespace/name`; empty = none. */
  readonly service: string;
  /** Null outside a pod. */
  readonly pod: OwnPod | null;
  readonly client: KubeClient;
  readonly gate: RetryGate;
  readonly reflectorTiming: ReflectorTiming;
  /** Between two looks at pods and nodes. */
  readonly nodesIntervalMs: number;
  readonly logger: Logger;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Never with an empty list. */
  readonly onAddresses: (addresses: readonly LoadBalancerAddress[]) => void;
}

const READ_LIMIT_MS = 30_000;

export class PublishedAddresses {
  readonly #options: PublishedAddressesOptions;
  #faultInLog: string;

  constructor(options: PublishedAddressesOptions) {
    this.#options = options;
    this.#faultInLog = '';
  }

  /** What every replica does, so that a new leader knows the addresses at once. Ends after `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { statusAddresses, service, logger, pod } = this.#options;
    if (statusAddresses.length > 0) {
      if (service !== '') logger.warn('--publish-service is ignored beside --publish-status-address', { service });
      this.#tell(statusAddresses.flatMap((text) => toLoadBalancerAddress(text) ?? []));
    } else if (service !== '') {
      await this.#watchService(service, signal);
    } else if (pod === null) {
      logger.info(
        'status of ingresses is not written: neither --publish-service nor --publish-status-address is given',
      );
    }
  }

  /** What only a leader does: nodes are asked for again and again, and by all replicas that would be many requests. */
  async lead(term: Term): Promise<void> {
    const { statusAddresses, service, pod, clock, nodesIntervalMs } = this.#options;
    if (statusAddresses.length > 0 || service !== '' || pod === null) return;
    while (!term.signal.aborted) {
      await this.#readNodes(pod, term.signal);
      await pause(clock, nodesIntervalMs, term.signal);
    }
  }

  async #readNodes(pod: OwnPod, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#options;
    try {
      const read = (either: AbortSignal) => readNodeAddresses(client, pod, either);
      const addresses = await withDeadline(clock, READ_LIMIT_MS, signal, read);
      this.#report(addresses.length > 0 ? '' : 'no pod of this installation is ready on a node with an address');
      this.#tell(addresses);
    } catch (error) {
      if (signal.aborted) return;
      const message = error instanceof Error ? error.message : String(error);
      const remedy =
        'give --publish-service or --publish-status-address, or grant get and list on pods by a Role and get on nodes by a ClusterRole';
      this.#report(`${message}: the addresses of nodes cannot be read; ${remedy}`);
    }
  }

  async #watchService(key: string, signal: AbortSignal): Promise<void> {
    const { client, gate, reflectorTiming: timing, clock, random } = this.#options;
    const [namespace = '', name = ''] = key.split('/');
    let found: readonly LoadBalancerAddress[] | null = null;
    const report = (): void => this.#report(describeFault(key, reflector.status(), found));
    const reflector: Reflector<readonly LoadBalancerAddress[]> = new Reflector({
      client,
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/services`,
      query: { fieldSelector: `metadata.name=${name}` },
      convert: toServiceAddresses,
      gate,
      timing,
      clock,
      random,
      listener: {
        onChanges: (changes) => {
          for (const { key: changed, value } of changes) if (changed === key) found = value;
          this.#tell(found ?? []);
          report();
        },
        onStateChange: report,
        onContact: () => gate.noteContact(),
        onFailure: () => {},
      },
    });
    await reflector.run(signal);
  }

  #tell(addresses: readonly LoadBalancerAddress[]): void {
    if (addresses.length > 0) this.#options.onAddresses(addresses);
  }

  /** Each fault once, and its end. */
  #report(fault: string): void {
    if (fault === this.#faultInLog) return;
    this.#faultInLog = fault;
    if (fault === '') this.#options.logger.info('addresses for the status of ingresses can be read again');
    else this.#options.logger.warn('addresses for the status of ingresses are not known', { problem: fault });
  }
}

/** Empty: there is none. */
function describeFault(
  key: ObjectKey,
  { denied, synced }: ReflectorStatus,
  found: readonly LoadBalancerAddress[] | null,
): string {
  if (denied !== null) {
    const answer = denied instanceof Error ? denied.message : 'no answer';
    return `${answer}: service ${key} of --publish-service cannot be read; grant get, list and watch on services in its namespace`;
  }
  if (found === null) return synced ? `service ${key} of --publish-service does not exist` : '';
  return found.length === 0 ? `service ${key} of --publish-service has no address yet` : '';
}
