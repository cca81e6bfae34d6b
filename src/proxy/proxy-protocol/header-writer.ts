/**
 * Writes the PROXY protocol header for an upstream that asks for one. It goes out once, before anything else, and ties the
 * connection to one client: such a connection must never be shared.
 */
import { formatIpv6, type Ipv6Groups, parseIpv4, parseIpv6 } from '../../model/ip-address.ts';
import type { ProxyAddresses } from './addresses.ts';
import { V1_PREFIX } from './v1.ts';
import {
  ADDRESS_BYTES,
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  LOCAL,
  PROXY,
  TRANSPORT_STREAM,
  TRANSPORT_UNSPEC,
  V2_FIXED_BYTES,
  V2_SIGNATURE,
  VERSION,
} from './v2.ts';

/** Both addresses in the family they can share: IPv4, or IPv6 with IPv4 mapped into it. */
interface SharedFamily {
  /** Unsigned 32 bits each; -1 when the family is IPv6. */
  readonly sourceIpv4: number;
  readonly destinationIpv4: number;
  readonly sourceGroups: Ipv6Groups;
  readonly destinationGroups: Ipv6Groups;
}

/** @param addresses null for a connection of our own; it and what is no IP address become `UNKNOWN` */
export function writeProxyHeaderV1(addresses: ProxyAddresses | null): string {
  const shared = addresses === null ? null : toSharedFamily(addresses);
  if (addresses === null || shared === null) return `${V1_PREFIX}UNKNOWN\r\n`;
  const ports = `${addresses.sourcePort} ${addresses.destinationPort}\r\n`;
  if (shared.sourceIpv4 !== -1)
    return `${V1_PREFIX}TCP4 ${addresses.sourceAddress} ${addresses.destinationAddress} ${ports}`;
  return `${V1_PREFIX}TCP6 ${formatIpv6(shared.sourceGroups)} ${formatIpv6(shared.destinationGroups)} ${ports}`;
}

/** @param addresses null for a connection of our own (`LOCAL`); what is no IP address becomes the unspecified family */
export function writeProxyHeaderV2(addresses: ProxyAddresses | null): Buffer {
  if (addresses === null) return fixedBytes(LOCAL, AF_UNSPEC);
  const shared = toSharedFamily(addresses);
  if (shared === null) return fixedBytes(PROXY, AF_UNSPEC);
  const header = fixedBytes(PROXY, shared.sourceIpv4 === -1 ? AF_INET6 : AF_INET);
  let at: number;
  if (shared.sourceIpv4 === -1) {
    at = writeGroups(header, shared.sourceGroups, V2_FIXED_BYTES);
    at = writeGroups(header, shared.destinationGroups, at);
  } else {
    at = header.writeUInt32BE(shared.sourceIpv4, V2_FIXED_BYTES);
    at = header.writeUInt32BE(shared.destinationIpv4, at);
  }
  at = header.writeUInt16BE(addresses.sourcePort, at);
  header.writeUInt16BE(addresses.destinationPort, at);
  return header;
}

/** A header with everything but its address block. */
function fixedBytes(command: number, family: number): Buffer {
  const blockBytes = ADDRESS_BYTES[family] ?? 0;
  const header = Buffer.alloc(V2_FIXED_BYTES + blockBytes);
  let at = V2_SIGNATURE.copy(header);
  at = header.writeUInt8((VERSION << 4) | command, at);
  at = header.writeUInt8((family << 4) | (family === AF_UNSPEC ? TRANSPORT_UNSPEC : TRANSPORT_STREAM), at);
  header.writeUInt16BE(blockBytes, at);
  return header;
}

function writeGroups(header: Buffer, groups: Ipv6Groups, start: number): number {
  let at = start;
  for (const group of groups) at = header.writeUInt16BE(group, at);
  return at;
}

/** Null when an address is no IP address or a port no port. */
function toSharedFamily(addresses: ProxyAddresses): SharedFamily | null {
  const { sourceAddress, sourcePort, destinationAddress, destinationPort } = addresses;
  if (!isPort(sourcePort) || !isPort(destinationPort)) return null;
  const sourceIpv4 = parseIpv4(sourceAddress);
  const destinationIpv4 = parseIpv4(destinationAddress);
  if (sourceIpv4 !== -1 && destinationIpv4 !== -1) {
    return { sourceIpv4, destinationIpv4, sourceGroups: [], destinationGroups: [] };
  }
  const sourceGroups = toGroups(sourceAddress, sourceIpv4);
  const destinationGroups = toGroups(destinationAddress, destinationIpv4);
  if (sourceGroups === null || destinationGroups === null) return null;
  return { sourceIpv4: -1, destinationIpv4: -1, sourceGroups, destinationGroups };
}

function toGroups(address: string, ipv4: number): Ipv6Groups | null {
  if (ipv4 !== -1) return [0, 0, 0, 0, 0, 0xffff, ipv4 >>> 16, ipv4 & 0xffff];
  // The zone of a link-local socket address means nothing to another machine.
  const zoneAt = address.indexOf('%');
  return parseIpv6(zoneAt === -1 ? address : address.slice(0, zoneAt));
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}
