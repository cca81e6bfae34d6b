/** Entries of `status.loadBalancer.ingress`: how they are read, compared and written. */
import { isIP } from 'node:net';
import { isDnsName } from './dns-name.ts';
import { asRecord } from './kube-error.ts';

/** Exactly one of the two: the server refuses names in `ip` and addresses in `hostname`. */
export type LoadBalancerAddress = { readonly ip: string } | { readonly hostname: string };

/** Null for what is neither an IP address nor a DNS name. */
export function toLoadBalancerAddress(text: string): LoadBalancerAddress | null {
  if (isIP(text) !== 0) return { ip: text };
  return isDnsName(text) ? { hostname: text } : null;
}

/** Those of `status.loadBalancer.ingress` of an untyped object, whatever its kind; what cannot be used is left out. */
export function readLoadBalancer(raw: unknown): readonly LoadBalancerAddress[] {
  const { ingress } = asRecord(asRecord(asRecord(raw)['status'])['loadBalancer']);
  if (!Array.isArray(ingress)) return [];
  return ingress.flatMap((entry): readonly LoadBalancerAddress[] => {
    const { ip, hostname } = asRecord(entry);
    const address = toLoadBalancerAddress(typeof ip === 'string' && ip !== '' ? ip : toText(hostname));
    return address === null ? [] : [address];
  });
}

/** Sorted, each once. */
export function normalise(addresses: readonly LoadBalancerAddress[]): readonly LoadBalancerAddress[] {
  const byText = new Map(addresses.map((address) => [toAddressText(address), address]));
  return [...byText].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, address]) => address);
}

/** The same for lists that publish the same; empty for none. */
export function fingerprintOf(addresses: readonly LoadBalancerAddress[]): string {
  return normalise(addresses).map(toAddressText).join(',');
}

function toAddressText(address: LoadBalancerAddress): string {
  return 'ip' in address ? address.ip : address.hostname;
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
