/**
 * A set of IP networks: who is trusted to speak for others. Hot where forwarded headers are trusted: the ranges are numbers
 * before the first connection comes, so an IPv4 question allocates nothing.
 */
import { type Ipv6Groups, parseIpv4, parseIpv6, toMappedIpv4 } from './ip-address.ts';

interface Ipv4Range {
  readonly base: number;
  /** Unsigned 32 bits. */
  readonly mask: number;
}

interface Ipv6Range {
  readonly base: Ipv6Groups;
  /** Eight groups, like the address. */
  readonly mask: Ipv6Groups;
}

/** What `isIpNetwork` wants, for messages. */
export const IP_NETWORK_FORM = 'an IP network such as `10.0.0.0/8` or `2001:db8::/32`, or a single IP address';

/** Whether `IpNetworks` takes it. */
export function isIpNetwork(text: string): boolean {
  return addRange(text, [], []);
}

export class IpNetworks {
  readonly #ipv4: readonly Ipv4Range[];
  readonly #ipv6: readonly Ipv6Range[];

  /**
   * @param cidrs networks (`10.0.0.0/8`, `2001:db8::/32`) or single addresses; bits behind the prefix are ignored. A network
   * inside `::ffff:0:0/96` means the IPv4 one; `::/0` means every IPv6 address and no IPv4 one.
   * @throws Error naming the first entry that is neither; sources of configuration ask `isIpNetwork` before
   */
  constructor(cidrs: readonly string[]) {
    const ipv4: Ipv4Range[] = [];
    const ipv6: Ipv6Range[] = [];
    for (const cidr of cidrs) {
      if (!addRange(cidr, ipv4, ipv6)) throw new Error(`${JSON.stringify(cidr)} is not ${IP_NETWORK_FORM}`);
    }
    this.#ipv4 = ipv4;
    this.#ipv6 = ipv6;
  }

  /** False for what is no IP literal. An IPv4-mapped address is the IPv4 one; the zone of a link-local peer is ignored. */
  contains(address: string): boolean {
    const value = parseIpv4(address);
    if (value !== -1) return this.#containsIpv4(value);
    const zoneAt = address.indexOf('%');
    const groups = parseIpv6(zoneAt === -1 ? address : address.slice(0, zoneAt));
    if (groups === null) return false;
    const mapped = toMappedIpv4(groups);
    return mapped === -1 ? this.#containsIpv6(groups) : this.#containsIpv4(mapped);
  }

  #containsIpv4(value: number): boolean {
    for (const { base, mask } of this.#ipv4) if ((value & mask) >>> 0 === base) return true;
    return false;
  }

  #containsIpv6(groups: Ipv6Groups): boolean {
    for (const { base, mask } of this.#ipv6) if (isInside(groups, base, mask)) return true;
    return false;
  }
}

function isInside(groups: Ipv6Groups, base: Ipv6Groups, mask: Ipv6Groups): boolean {
  for (let at = 0; at < 8; at++) {
    if (((groups[at] as number) & (mask[at] as number)) !== base[at]) return false;
  }
  return true;
}

/** @returns false for what is no network; nothing is added then */
function addRange(cidr: string, ipv4: Ipv4Range[], ipv6: Ipv6Range[]): boolean {
  const slashAt = cidr.indexOf('/');
  const address = slashAt === -1 ? cidr : cidr.slice(0, slashAt);
  const prefix = slashAt === -1 ? null : cidr.slice(slashAt + 1);
  const value = parseIpv4(address);
  const groups = value === -1 ? parseIpv6(address) : null;
  if (value === -1 && groups === null) return false;
  const length = parsePrefix(prefix, groups === null ? 32 : 128);
  if (length === -1) return false;
  const mapped = groups === null ? -1 : toMappedIpv4(groups);
  if (groups === null) ipv4.push(toIpv4Range(value, length));
  else if (mapped !== -1 && length >= 96) ipv4.push(toIpv4Range(mapped, length - 96));
  else ipv6.push(toIpv6Range(groups, length));
  return true;
}

function toIpv6Range(groups: Ipv6Groups, length: number): Ipv6Range {
  const mask = groups.map((_, at) => {
    const bits = Math.min(16, Math.max(0, length - at * 16));
    return 0xffff & ~(0xffff >> bits);
  });
  return { base: groups.map((group, at) => group & (mask[at] as number)), mask };
}

function toIpv4Range(value: number, length: number): Ipv4Range {
  // Shifting by 32 would shift by 0.
  const mask = length === 0 ? 0 : (-1 << (32 - length)) >>> 0;
  return { base: (value & mask) >>> 0, mask };
}

/** @returns -1 for what is no number from 0 to `bits` */
function parsePrefix(prefix: string | null, bits: number): number {
  if (prefix === null) return bits;
  const length = /^(?:0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) : -1;
  return length <= bits ? length : -1;
}
