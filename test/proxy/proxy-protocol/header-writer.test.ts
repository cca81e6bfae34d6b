/** PROXY protocol headers for upstreams: their bytes, and that our own parser reads back what went in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { toCanonicalIp } from '../../../src/model/ip-address.ts';
import type { ProxyAddresses } from '../../../src/proxy/proxy-protocol/addresses.ts';
import { writeProxyHeaderV1, writeProxyHeaderV2 } from '../../../src/proxy/proxy-protocol/header-writer.ts';
import { parseInReads, SIGNATURE } from './headers.ts';

interface Case {
  readonly name: string;
  readonly addresses: ProxyAddresses | null;
  readonly v1: string;
  /** Hexadecimal, behind the signature. */
  readonly v2: string;
}

const cases: readonly Case[] = [
  {
    name: 'IPv4',
    addresses: { sourceAddress: '192.0.2.1', sourcePort: 4498, destinationAddress: '10.0.0.1', destinationPort: 443 },
    v1: 'PROXY TCP4 192.0.2.1 10.0.0.1 4498 443\r\n',
    v2: '2111000cc00002010a000001119201bb',
  },
  {
    name: 'IPv6 without the zone of a link-local address',
    addresses: { sourceAddress: 'fe80::1%eth0', sourcePort: 1, destinationAddress: 'FE80:0::2', destinationPort: 2 },
    v1: 'PROXY TCP6 fe80::1 fe80::2 1 2\r\n',
    v2: '21210024fe800000000000000000000000000001fe80000000000000000000000000000200010002',
  },
  {
    name: 'mixed families as IPv6',
    addresses: { sourceAddress: '192.0.2.1', sourcePort: 1, destinationAddress: '2001:db8::2', destinationPort: 2 },
    v1: 'PROXY TCP6 ::ffff:c000:201 2001:db8::2 1 2\r\n',
    v2: '2121002400000000000000000000ffffc000020120010db800000000000000000000000200010002',
  },
  { name: 'a connection of our own', addresses: null, v1: 'PROXY UNKNOWN\r\n', v2: '20000000' },
  {
    name: 'an address that is none',
    addresses: { sourceAddress: '/run/app.sock', sourcePort: 1, destinationAddress: '10.0.0.1', destinationPort: 2 },
    v1: 'PROXY UNKNOWN\r\n',
    v2: '21000000',
  },
  {
    name: 'a port that is none',
    addresses: { sourceAddress: '10.0.0.1', sourcePort: 65_536, destinationAddress: '10.0.0.1', destinationPort: 2 },
    v1: 'PROXY UNKNOWN\r\n',
    v2: '21000000',
  },
];

for (const { name, addresses, v1, v2 } of cases) {
  test(`a header for ${name}`, () => {
    assert.equal(writeProxyHeaderV1(addresses), v1);
    assert.equal(writeProxyHeaderV2(addresses).toString('hex'), SIGNATURE + v2);
  });
}

const address: fc.Arbitrary<string> = fc.oneof(fc.ipV4(), fc.ipV6());
const port: fc.Arbitrary<number> = fc.integer({ min: 0, max: 65_535 });

test('what is written is read back with canonical addresses', () => {
  fc.assert(
    fc.property(address, port, address, port, (source, sourcePort, destination, destinationPort) => {
      const written = { sourceAddress: source, sourcePort, destinationAddress: destination, destinationPort };
      const expected = {
        ...written,
        sourceAddress: toCanonicalIp(source),
        destinationAddress: toCanonicalIp(destination),
      };
      for (const header of [Buffer.from(writeProxyHeaderV1(written), 'latin1'), writeProxyHeaderV2(written)]) {
        const parsed = parseInReads(Buffer.concat([header, Buffer.from('GET')]), [header.length >> 1]);
        assert.deepEqual(parsed, { state: 'done', result: expected, fault: '', used: header.length });
      }
    }),
    { numRuns: 1_000 },
  );
});
