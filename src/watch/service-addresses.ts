/** Which addresses a Service can be reached at from outside, for the status of Ingresses (`--publish-service`). */
import { asRecord } from './kube-error.ts';
import { type LoadBalancerAddress, readLoadBalancer, toLoadBalancerAddress } from './load-balancer-address.ts';

/**
 * `raw`: an untyped `v1` Service. LoadBalancer: what the cloud gave it, and its external IPs. NodePort: external IPs, else the
 * cluster IP. ClusterIP: the cluster IP. ExternalName: its name. Empty while there is none yet.
 */
export function toServiceAddresses(raw: unknown): readonly LoadBalancerAddress[] {
  const { type, clusterIP, externalIPs, externalName } = asRecord(asRecord(raw)['spec']);
  const external = toAddresses(Array.isArray(externalIPs) ? externalIPs : []);
  if (type === 'LoadBalancer') return [...readLoadBalancer(raw), ...external];
  if (type === 'ExternalName') return toAddresses([externalName]);
  // `None`, of a headless Service, would pass for a host name.
  const inside = clusterIP === 'None' ? [] : toAddresses([clusterIP]);
  return type === 'NodePort' && external.length > 0 ? external : inside;
}

function toAddresses(texts: readonly unknown[]): readonly LoadBalancerAddress[] {
  return texts.flatMap((text) => {
    // A final dot is legal in an external name, and not in a status.
    const address = typeof text === 'string' ? toLoadBalancerAddress(text.replace(/\.$/, '')) : null;
    return address === null ? [] : [address];
  });
}
