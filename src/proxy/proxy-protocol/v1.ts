/** Version 1 of the PROXY protocol: one line of text, read here without its CRLF. */
import { parseIpv4, parseIpv6, toCanonicalIpv6 } from '../../model/ip-address.ts';
import { faulty, type HeaderContent, NOBODY } from './addresses.ts';

export const V1_PREFIX = 'PROXY ';
/** The CRLF included; enough for the longest line any sender may write. */
export const V1_MAX_BYTES = 107;

/** Decimal without leading zeros, which some would read as octal. */
const PORT = /^(?:0|[1-9]\d{0,4})$/;

/** @param line begins with `PROXY `; latin1, without the CRLF */
export function parseV1(line: string): HeaderContent {
  const fields = line.slice(V1_PREFIX.length).split(' ');
  const [family = '', source = '', destination = '', sourcePort = '', destinationPort = ''] = fields;
  // Whatever follows the word has no meaning.
  if (family === 'UNKNOWN') return NOBODY;
  if (family !== 'TCP4' && family !== 'TCP6') {
    return faulty(`protocol ${JSON.stringify(family)} is not one of TCP4, TCP6 and UNKNOWN`);
  }
  if (fields.length !== 5) return faulty(`${fields.length} fields where ${family} has 5, separated by single spaces`);
  const sourceAddress = canonical(family, source);
  if (sourceAddress === '') return faulty(`source address ${JSON.stringify(source)} is not a ${family} address`);
  const destinationAddress = canonical(family, destination);
  if (destinationAddress === '') {
    return faulty(`destination address ${JSON.stringify(destination)} is not a ${family} address`);
  }
  for (const port of [sourcePort, destinationPort]) {
    if (!PORT.test(port) || Number(port) > 65_535) return faulty(`port ${JSON.stringify(port)} is not 0 to 65535`);
  }
  const addresses = {
    sourceAddress,
    sourcePort: Number(sourcePort),
    destinationAddress,
    destinationPort: Number(destinationPort),
  };
  return { addresses, fault: '' };
}

/** Senders on dual-stack sockets write `::ffff:192.0.2.1`, so the dotted tail is taken under TCP6. */
function canonical(family: 'TCP4' | 'TCP6', text: string): string {
  if (family === 'TCP4') return parseIpv4(text) === -1 ? '' : text;
  const groups = parseIpv6(text);
  return groups === null ? '' : toCanonicalIpv6(groups);
}
