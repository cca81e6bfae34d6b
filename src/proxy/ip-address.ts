/**
 * IP literals as text, numbers and back, strictly: what another program might read differently (octal, short forms, zones)
 * is no address here. Leaves what an address is allowed to do to `trusted-proxies.ts` and the policies.
 */
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

const DOT = 46;
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
  if (text.length > LONGEST_IPV6 || !isIPv6(text) || text.includes('%')) return null;
  // The dotted tail is rewritten here because ipaddr.js takes `::192.0.2.1` for the mapped address `::ffff:192.0.2.1`.
  const tailAt = text.lastIndexOf(':') + 1;
  const tail = text.indexOf('.', tailAt) === -1 ? -1 : parseIpv4(text.slice(tailAt));
  const hex =
    tail === -1 ? text : `${text.slice(0, tailAt)}${(tail >>> 16).toString(16)}:${(tail & 0xffff).toString(16)}`;
  return ipaddr.IPv6.parse(hex).parts;
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

/** As RFC 5952 wants it, without the dotted exception: hexadecimal groups only. */
export function formatIpv6(groups: Ipv6Groups): string {
  return new ipaddr.IPv6([...groups]).toString();
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
