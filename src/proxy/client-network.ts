/** Who counts as one client where connections are limited by address. */

/**
 * An IPv4 address, or the first 64 bits of an IPv6 address: a single host has all of the rest to itself.
 * @param address as the kernel spells it (RFC 5952); an IPv4 address may come mapped into IPv6
 */
export function toClientNetwork(address: string): string {
  if (!address.includes(':')) return address;
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7);
  const [front = '', back = null] = address.split('::');
  const groups = front === '' ? [] : front.split(':');
  // `::` stands for the groups that are missing from eight.
  const behind = back === null || back === '' ? 0 : back.split(':').length;
  const zeros = back === null ? 0 : 8 - groups.length - behind;
  for (let added = 0; added < zeros && groups.length < 4; added++) groups.push('0');
  if (groups.length < 4 && back !== null) groups.push(...back.split(':'));
  return groups.slice(0, 4).join(':');
}
