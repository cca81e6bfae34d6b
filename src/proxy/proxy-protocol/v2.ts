/**
 * Version 2 of the PROXY protocol: 16 fixed bytes, then an address block and optional type-length-value fields.
 *
 *     0            12     13      14         16
 *     | signature  | 2|cmd | fam|prot | length | addresses, TLVs … |
 */
import { formatIpv4, toCanonicalIpv6 } from '../../model/ip-address.ts';
import { faulty, type HeaderContent, NOBODY, type ProxyAddresses } from './addresses.ts';
import { crc32c } from './crc32c.ts';

export const V2_SIGNATURE: Buffer = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
export const V2_FIXED_BYTES = 16;
/** The whole header. The length field could ask for 64 KiB; addresses and every registered TLV fit into much less. */
export const V2_MAX_BYTES = 4_096;

export const VERSION = 2;
export const LOCAL = 0;
export const PROXY = 1;
export const AF_UNSPEC = 0;
export const AF_INET = 1;
export const AF_INET6 = 2;
const AF_UNIX = 3;
export const TRANSPORT_UNSPEC = 0;
export const TRANSPORT_STREAM = 1;
const TRANSPORT_DGRAM = 2;

/** Bytes of addresses and ports in front of the TLVs. */
export const ADDRESS_BYTES: Readonly<Record<number, number>> = { [AF_INET]: 12, [AF_INET6]: 36, [AF_UNIX]: 216 };

const TYPE_CRC32C = 3;
const TLV_FIXED_BYTES = 3;

/** @param header signature, version and length have been checked; the checksum field is overwritten with zeros */
export function parseV2(header: Buffer): HeaderContent {
  const command = (header[12] as number) & 15;
  // The block of a LOCAL connection is skipped unread, its family included.
  if (command === LOCAL) return NOBODY;
  if (command !== PROXY) return faulty(`command ${command} is neither LOCAL (0) nor PROXY (1)`);
  const family = (header[13] as number) >> 4;
  const transport = (header[13] as number) & 15;
  if (family > AF_UNIX) return faulty(`address family ${family} is not 0 to 3`);
  if (transport > TRANSPORT_DGRAM) return faulty(`transport protocol ${transport} is not 0 to 2`);
  // Without one of the two nobody can say where the TLVs begin.
  if (family === AF_UNSPEC || transport === TRANSPORT_UNSPEC) return NOBODY;
  const tlvsAt = V2_FIXED_BYTES + (ADDRESS_BYTES[family] as number);
  if (header.length < tlvsAt) {
    return faulty(
      `${header.length - V2_FIXED_BYTES} bytes of addresses where family ${family} has ${ADDRESS_BYTES[family]}`,
    );
  }
  const fault = checkTlvs(header, tlvsAt);
  if (fault !== '') return faulty(fault);
  if (family === AF_UNIX) return NOBODY;
  return { addresses: family === AF_INET ? readIpv4(header) : readIpv6(header), fault: '' };
}

function readIpv4(header: Buffer): ProxyAddresses {
  return {
    sourceAddress: formatIpv4(header.readUInt32BE(16)),
    sourcePort: header.readUInt16BE(24),
    destinationAddress: formatIpv4(header.readUInt32BE(20)),
    destinationPort: header.readUInt16BE(26),
  };
}

function readIpv6(header: Buffer): ProxyAddresses {
  return {
    sourceAddress: toCanonicalIpv6(readGroups(header, 16)),
    sourcePort: header.readUInt16BE(48),
    destinationAddress: toCanonicalIpv6(readGroups(header, 32)),
    destinationPort: header.readUInt16BE(50),
  };
}

function readGroups(header: Buffer, at: number): readonly number[] {
  return Array.from({ length: 8 }, (_, group) => header.readUInt16BE(at + group * 2));
}

/** @returns the fault; empty when all fields end where the header ends and a checksum, if there is one, is right */
function checkTlvs(header: Buffer, tlvsAt: number): string {
  let checksumAt = -1;
  for (let at = tlvsAt; at < header.length; ) {
    if (header.length - at < TLV_FIXED_BYTES) return `${header.length - at} bytes behind the last TLV`;
    const type = header[at] as number;
    const length = header.readUInt16BE(at + 1);
    const valueAt = at + TLV_FIXED_BYTES;
    if (length > header.length - valueAt) {
      return `TLV of type ${type} has ${length} bytes, the header ends after ${header.length - valueAt}`;
    }
    if (type === TYPE_CRC32C) {
      if (length !== 4 || checksumAt !== -1) return 'more than one checksum, or one that is not 4 bytes long';
      checksumAt = valueAt;
    }
    at = valueAt + length;
  }
  if (checksumAt === -1) return '';
  const announced = header.readUInt32BE(checksumAt);
  header.fill(0, checksumAt, checksumAt + 4);
  return crc32c(header) === announced ? '' : 'wrong CRC32C checksum';
}
