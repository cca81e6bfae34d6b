/** At which nodes the pods of this installation can be reached, for the status of Ingresses where no flag says it. */
import type { KubeClient } from './kube-client.ts';
import { asRecord } from './kube-error.ts';
import { type LoadBalancerAddress, toLoadBalancerAddress } from './load-balancer-address.ts';
import type { JsonRecord } from './narrow-object.ts';

/** Differ between pods of one installation during a rollout. */
const ROLLOUT_LABELS: ReadonlySet<string> = new Set([
  'controller-revision-hash',
  'pod-template-generation',
  'pod-template-hash',
  'apps.kubernetes.io/pod-index',
  'statefulset.kubernetes.io/pod-name',
]);

const MAX_LIST_BYTES = 16 * 1024 * 1024;

export interface OwnPod {
  readonly namespace: string;
  readonly name: string;
}

/** Throws `KubeApiError` where rights are missing: get and list on pods of the namespace, get on nodes. */
export async function readNodeAddresses(
  client: KubeClient,
  pod: OwnPod,
  signal: AbortSignal,
): Promise<readonly LoadBalancerAddress[]> {
  const pods = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods`;
  const own = await client.getObject(`${pods}/${encodeURIComponent(pod.name)}`, signal);
  const labelSelector = toSelector(asRecord(asRecord(asRecord(own)['metadata'])['labels']));
  // Without labels every pod of the namespace would be taken for one of ours.
  const siblings = labelSelector === '' ? [own] : await listPods(client, pods, labelSelector, signal);
  const nodes = new Set(siblings.filter(isReady).map((each) => toText(asRecord(asRecord(each)['spec'])['nodeName'])));
  const addresses: LoadBalancerAddress[] = [];
  for (const node of nodes) {
    if (node === '') continue;
    addresses.push(...toNodeAddresses(await client.getObject(`/api/v1/nodes/${encodeURIComponent(node)}`, signal)));
  }
  return addresses;
}

async function listPods(
  client: KubeClient,
  path: string,
  labelSelector: string,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const { items } = asRecord(JSON.parse(await client.getText(path, { labelSelector }, MAX_LIST_BYTES, signal)));
  return Array.isArray(items) ? items : [];
}

function toSelector(labels: JsonRecord): string {
  const lasting = Object.entries(labels).filter(([key]) => !ROLLOUT_LABELS.has(key));
  return lasting.map(([key, value]) => `${key}=${toText(value)}`).join(',');
}

function isReady(pod: unknown): boolean {
  const { conditions } = asRecord(asRecord(pod)['status']);
  const terminating = toText(asRecord(asRecord(pod)['metadata'])['deletionTimestamp']) !== '';
  return !terminating && Array.isArray(conditions) && conditions.some(isReadyCondition);
}

function isReadyCondition(condition: unknown): boolean {
  const { type, status } = asRecord(condition);
  return type === 'Ready' && status === 'True';
}

/** External addresses, or internal ones where there are none. */
function toNodeAddresses(node: unknown): readonly LoadBalancerAddress[] {
  const { addresses } = asRecord(asRecord(node)['status']);
  const ofType = (wanted: string): readonly LoadBalancerAddress[] =>
    (Array.isArray(addresses) ? addresses : []).flatMap((entry) => {
      const { type, address } = asRecord(entry);
      const usable = type === wanted ? toLoadBalancerAddress(toText(address)) : null;
      return usable === null ? [] : [usable];
    });
  const external = ofType('ExternalIP');
  return external.length > 0 ? external : ofType('InternalIP');
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
