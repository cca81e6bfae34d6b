/**
 * IP literals as text, numbers and back, strictly: what another program might read differently (octal, short forms, zones)
 * is no address here. Leaves what an address is allowed to do to `ip-networks.ts` and whoever asks it.
 */

const DOT = 46;
const GROUPS = 8;
const HEX_GROUP = /^[\da-f]{1,4}$/i;
/** `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const LONGEST_IPV6 = 45;

/** Eight groups of 16 bits. */
export type Ipv6Groups = readonly number[];

/** @returns unsigned 32 bits; -1 for anything but four decimal octets without leading zeros */
export function parseIpv4(text: string): number {
  let value = 0;
  let octets = 0;
  for (let at = 0; at <= text.length; at++) {
    const start = at;
    let octet = 0;
    let digit = text.charCodeAt(at) - 48;
    while (digit >= 0 && digit <= 9 && at - start < 3) {
      octet = octet * 10 + digit;
      digit = text.charCodeAt(++at) - 48;
    }
    const digits = at - start;
    if (digits === 0 || octet > 255 || (digits > 1 && text.charCodeAt(start) === 48)) return -1;
    value = value * 256 + octet;
    octets++;
    if (octets === 4) return at === text.length ? value : -1;
    if (text.charCodeAt(at) !== DOT) return -1;
  }
  return -1;
}

/** Any spelling of RFC 4291 §2.2, without brackets and without zone; null for everything else. */
export function parseIpv6(text: string): Ipv6Groups | null {
  if (text.length > LONGEST_IPV6) return null;
  const gap = text.indexOf('::');
  if (gap === -1) {
    const groups = parseGroups(text, true);
    return groups?.length === GROUPS ? groups : null;
  }
  const before = parseGroups(text.slice(0, gap), false);
  const behind = parseGroups(text.slice(gap + 2), true);
  if (before === null || behind === null || before.length + behind.length >= GROUPS) return null;
  const zeros = Array.from({ length: GROUPS - before.length - behind.length }, () => 0);
  return [...before, ...zeros, ...behind];
}

/** One side of a `::`. A dotted end is two groups whatever stands before it: `::10.0.0.1` is not `::ffff:10.0.0.1`. */
function parseGroups(side: string, mayEndDotted: boolean): number[] | null {
  const groups: number[] = [];
  if (side === '') return groups;
  const parts = side.split(':');
  for (const [place, part] of parts.entries()) {
    const dotted = mayEndDotted && place === parts.length - 1 ? parseIpv4(part) : -1;
    if (dotted !== -1) groups.push(dotted >>> 16, dotted & 0xffff);
    else if (HEX_GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

/** The IPv4 address inside an IPv4-mapped one (`::ffff:0:0/96`); -1 for every other. */
export function toMappedIpv4(groups: Ipv6Groups): number {
  for (let at = 0; at < 5; at++) if (groups[at] !== 0) return -1;
  if (groups[5] !== 0xffff) return -1;
  return (groups[6] as number) * 65_536 + (groups[7] as number);
}

export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** As RFC 5952 §4 wants it, without the dotted exception: hexadecimal groups, the first of the longest runs of zeros as `::`. */
export function formatIpv6(groups: Ipv6Groups): string {
  let start = -1;
  let longest = 1;
  for (let at = 0; at < GROUPS; at++) {
    let end = at;
    while (end < GROUPS && groups[end] === 0) end++;
    if (end - at > longest) {
      start = at;
      longest = end - at;
    }
    at = end;
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return start === -1 ? hex(0, GROUPS) : `${hex(0, start)}::${hex(start + longest, GROUPS)}`;
}

/** The one spelling the rest of the program compares and prints; an IPv4-mapped address is plain IPv4. */
export function toCanonicalIpv6(groups: Ipv6Groups): string {
  const mapped = toMappedIpv4(groups);
  return mapped === -1 ? formatIpv6(groups) : formatIpv4(mapped);
}

/** @returns the canonical spelling; empty when `text` is no IP literal */
export function toCanonicalIp(text: string): string {
  if (parseIpv4(text) !== -1) return text;
  const groups = parseIpv6(text);
  return groups === null ? '' : toCanonicalIpv6(groups);
}
