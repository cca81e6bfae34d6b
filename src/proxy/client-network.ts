/** Who counts as one client where connections are limited by address. */
import { parseIpv6 } from '../model/ip-address.ts';

/**
 * An IPv4 address, or the first 64 bits of an IPv6 address: a single host has all of the rest to itself.
 * @param address as the kernel spells it; an IPv4 address may come mapped into IPv6
 */
export function toClientNetwork(address: string): string {
  if (!address.includes(':')) return address;
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7);
  const zone = address.indexOf('%');
  const groups = parseIpv6(zone === -1 ? address : address.slice(0, zone));
  if (groups === null) return address;
  const network = groups.slice(0, 4);
  return network.map((group) => group.toString(16)).join(':');
}
