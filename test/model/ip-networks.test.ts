/** Which addresses a list of networks covers, and which lists are refused. */
import assert from 'node:assert/strict';
import { BlockList, isIPv4 } from 'node:net';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { toCanonicalIp } from '../../src/model/ip-address.ts';
import { IpNetworks, isIpNetwork } from '../../src/model/ip-networks.ts';

interface Case {
  readonly name: string;
  readonly cidrs: readonly string[];
  readonly inside: readonly string[];
  readonly outside: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: 'a network ends where its prefix says',
    cidrs: ['10.0.0.0/8', '192.0.2.64/26'],
    inside: ['10.0.0.0', '10.255.255.255', '192.0.2.64', '192.0.2.127'],
    outside: ['9.255.255.255', '11.0.0.0', '192.0.2.63', '192.0.2.128'],
  },
  { name: 'a single address', cidrs: ['192.0.2.1'], inside: ['192.0.2.1'], outside: ['192.0.2.0', '192.0.2.2'] },
  {
    name: 'bits behind the prefix are ignored',
    cidrs: ['10.1.2.3/8', '2001:db8::1/32'],
    inside: ['10.9.9.9', '2001:db8:9::'],
    outside: ['11.1.2.3', '2001:db9::1'],
  },
  {
    name: 'all of IPv4 is not all of IPv6',
    cidrs: ['0.0.0.0/0'],
    inside: ['0.0.0.0', '255.255.255.255', '::ffff:192.0.2.1'],
    outside: ['::', '::1', '::192.0.2.1'],
  },
  {
    name: 'all of IPv6 is not all of IPv4',
    cidrs: ['::/0'],
    inside: ['::', 'ffff::1'],
    outside: ['1.2.3.4', '::ffff:1.2.3.4'],
  },
  {
    name: 'an IPv6 network in any spelling',
    cidrs: ['2001:DB8:0:8000::/49'],
    inside: ['2001:db8:0:8000::1', '2001:db8:0:ffff::'],
    outside: ['2001:db8:0:7fff::1', '2001:db8:1::'],
  },
  {
    name: 'an IPv4-mapped network is the IPv4 one',
    cidrs: ['::ffff:10.0.0.0/104'],
    inside: ['10.1.2.3', '::ffff:10.1.2.3', '::ffff:a01:203'],
    outside: ['11.0.0.0', '::10.1.2.3'],
  },
  {
    name: 'a prefix that ends before the mapped range is about IPv6 only',
    cidrs: ['::ffff:0:0/80'],
    inside: ['::1', '::fffe:1.2.3.4'],
    outside: ['1.2.3.4', '::ffff:1.2.3.4', '1::'],
  },
  { name: 'the zone of a link-local peer', cidrs: ['fe80::/10'], inside: ['fe80::1%eth0'], outside: ['fec0::1%eth0'] },
  { name: 'a full prefix', cidrs: ['192.0.2.1/32', '::1/128'], inside: ['192.0.2.1', '::1'], outside: ['::2'] },
  { name: 'nobody', cidrs: [], inside: [], outside: ['127.0.0.1', '::1'] },
  { name: 'what is no address', cidrs: ['0.0.0.0/0', '::/0'], inside: [], outside: ['', 'unknown', '1.2.3', '[::1]'] },
];

for (const { name, cidrs, inside, outside } of cases) {
  test(`trusted: ${name}`, () => {
    const trusted = new IpNetworks(cidrs);
    for (const address of inside) assert.equal(trusted.contains(address), true, address);
    for (const address of outside) assert.equal(trusted.contains(address), false, address);
  });
}

const REFUSED: readonly string[] = [
  '',
  'localhost',
  '10/8',
  '10.0.0/8',
  '010.0.0.0/8',
  'fe80::1%eth0/64',
  '[::1]/128',
  '0x0a.0.0.0/8',
  '/8',
  '10.0.0.0/',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '10.0.0.0/255.0.0.0',
  '::/129',
  '::/ 1',
];

for (const cidr of REFUSED) {
  test(`refused by name: ${JSON.stringify(cidr)}`, () => {
    assert.throws(
      () => new IpNetworks(['10.0.0.0/8', cidr]),
      (error: Error) => error.message.startsWith(`${JSON.stringify(cidr)} is not an IP network`),
    );
    assert.equal(isIpNetwork(cidr), false);
  });
}

test('membership is what the block list of the runtime says', () => {
  const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 }));
  const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 1, max: 128 }));
  const flip = fc.nat(127);
  fc.assert(
    fc.property(fc.oneof(v4, v6), flip, ([spelled, prefix], bit) => {
      const base = toCanonicalIp(spelled);
      const family = isIPv4(base) ? 'ipv4' : 'ipv6';
      fc.pre(family === 'ipv6' || prefix <= 32);
      const list = new BlockList();
      list.addSubnet(base, prefix, family);
      const trusted = new IpNetworks([`${base}/${prefix}`]);
      const address = withFlippedBit(base, bit);
      assert.equal(trusted.contains(base), true);
      assert.equal(trusted.contains(address), list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6'), address);
    }),
    { numRuns: 1_000 },
  );
});

/** A neighbour of an address, near or far: one bit differs. */
function withFlippedBit(address: string, bit: number): string {
  if (isIPv4(address)) {
    const octets = address.split('.').map(Number);
    const at = bit % 32;
    octets[at >> 3] = (octets[at >> 3] as number) ^ (1 << (at & 7));
    return octets.join('.');
  }
  const [head = '', tail = ''] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  groups[bit >> 4] = (Number.parseInt(groups[bit >> 4] as string, 16) ^ (1 << (bit & 15))).toString(16);
  return toCanonicalIp(groups.join(':'));
}
