/** Who the client is behind trusted proxies, by `X-Forwarded-For` and by `Forwarded`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { toCanonicalIp } from '../../src/model/ip-address.ts';
import { IpNetworks } from '../../src/model/ip-networks.ts';
import { MAX_ELEMENTS, resolveClientAddress, resolveForwardedAddress } from '../../src/proxy/client-address.ts';

const TRUSTED: IpNetworks = new IpNetworks(['10.0.0.0/8', '2001:db8:a::/48']);
const PEER = '10.0.0.1';

interface Case {
  readonly name: string;
  readonly list: string;
  readonly client: string;
  /** `PEER` when absent. */
  readonly peer?: string;
}

const FORWARDED_FOR: readonly Case[] = [
  { name: 'without a list the peer is the client', list: '', client: PEER },
  {
    name: 'an untrusted peer is the client whatever it says',
    list: '192.0.2.1',
    client: '203.0.113.9',
    peer: '203.0.113.9',
  },
  { name: 'a peer that is unknown is nobody to trust', list: '192.0.2.1', client: '', peer: '' },
  { name: 'the last element counts', list: '192.0.2.1', client: '192.0.2.1' },
  { name: 'what the client claimed stands further left', list: '10.9.9.9, 1.1.1.1, 192.0.2.1', client: '192.0.2.1' },
  { name: 'trusted proxies are passed over', list: '1.1.1.1, 192.0.2.1,10.0.0.3 , 10.0.0.2', client: '192.0.2.1' },
  { name: 'when all are trusted the leftmost is the client', list: '10.0.0.4, 10.0.0.3', client: '10.0.0.4' },
  {
    name: 'garbage ends the walk at the last believed proxy',
    list: '192.0.2.1, garbage, 10.0.0.2',
    client: '10.0.0.2',
  },
  { name: 'unknown ends the walk', list: '192.0.2.1, unknown', client: PEER },
  { name: 'an octal octet ends the walk', list: '192.0.2.1, 010.0.0.2', client: PEER },
  { name: 'empty elements are no elements', list: ',192.0.2.1,, ,\t,10.0.0.2, ', client: '192.0.2.1' },
  { name: 'a list of commas', list: ',,,', client: PEER },
  { name: 'a port behind IPv4', list: '192.0.2.1:4711', client: '192.0.2.1' },
  { name: 'bare IPv6', list: '2001:DB8::1', client: '2001:db8::1' },
  { name: 'IPv6 in brackets', list: '[2001:db8::1]', client: '2001:db8::1' },
  { name: 'IPv6 in brackets with a port', list: '[2001:db8::1]:4711', client: '2001:db8::1' },
  { name: 'trusted IPv6', list: '192.0.2.1, [2001:db8:a::2]:1', client: '192.0.2.1' },
  { name: 'IPv4-mapped IPv6 is IPv4', list: '192.0.2.1, ::ffff:10.0.0.2', client: '192.0.2.1' },
  { name: 'an IPv6 address that only looks mapped is not trusted', list: '1.1.1.1, ::10.0.0.2', client: '::a00:2' },
  { name: 'IPv4 in brackets', list: '[192.0.2.1]', client: PEER },
  { name: 'an open bracket', list: '[2001:db8::1', client: PEER },
  { name: 'something behind the bracket', list: '[2001:db8::1]x', client: PEER },
  { name: 'an empty port', list: '192.0.2.1:', client: PEER },
  { name: 'a port that is no number', list: '192.0.2.1:http', client: PEER },
  { name: 'a zone', list: 'fe80::1%eth0', client: PEER },
  { name: 'quotes', list: '"192.0.2.1"', client: PEER },
  { name: 'spaces other than SP and HTAB', list: '192.0.2.1\u00a0', client: PEER },
  { name: 'a very long element', list: '1'.repeat(60_000), client: PEER },
  {
    name: 'the chain is followed so far and no further',
    list: `192.0.2.1${', 10.0.0.2'.repeat(MAX_ELEMENTS - 1)}`,
    client: '192.0.2.1',
  },
  {
    name: 'a longer chain ends inside',
    list: `192.0.2.1${', 10.0.0.2'.repeat(MAX_ELEMENTS)}`,
    client: '10.0.0.2',
  },
];

for (const { name, list, client, peer } of FORWARDED_FOR) {
  test(`X-Forwarded-For: ${name}`, () => assert.equal(resolveClientAddress(peer ?? PEER, list, TRUSTED), client));
}

const FORWARDED: readonly Case[] = [
  { name: 'without a list the peer is the client', list: '', client: PEER },
  { name: 'an untrusted peer is the client', list: 'for=192.0.2.1', client: '203.0.113.9', peer: '203.0.113.9' },
  { name: 'a token', list: 'for=192.0.2.1', client: '192.0.2.1' },
  { name: 'names in any case', list: 'FOR=192.0.2.1', client: '192.0.2.1' },
  { name: 'among other parameters', list: 'by=10.0.0.1;for=192.0.2.1;host=a.example;proto=https', client: '192.0.2.1' },
  { name: 'blanks around the separators', list: ' by=_x ; for=192.0.2.1 ;\thost=a , ', client: '192.0.2.1' },
  { name: 'empty pairs', list: ';;for=192.0.2.1;', client: '192.0.2.1' },
  { name: 'quoted IPv6 with a port', list: 'for="[2001:db8:cafe::17]:4711"', client: '2001:db8:cafe::17' },
  { name: 'quoted IPv4 with a port', list: 'for="192.0.2.1:80"', client: '192.0.2.1' },
  { name: 'an obfuscated port', list: 'for="192.0.2.1:_web"', client: '192.0.2.1' },
  { name: 'a port that lacks its quotes', list: 'for=192.0.2.1:80;host=a.example:81', client: '192.0.2.1' },
  { name: 'escaped characters', list: 'for="\\192.0.2\\.1"', client: '192.0.2.1' },
  { name: 'a comma inside quotes', list: 'for=192.0.2.1;host="a,b, for=10.0.0.9"', client: '192.0.2.1' },
  { name: 'an escaped quote inside quotes', list: 'for=192.0.2.1;host="a\\",b"', client: '192.0.2.1' },
  { name: 'an escaped backslash before the closing quote', list: 'x="\\\\",for=192.0.2.1', client: '192.0.2.1' },
  { name: 'trusted proxies are passed over', list: 'for=1.1.1.1, for=192.0.2.1, for=10.0.0.2', client: '192.0.2.1' },
  { name: 'trusted IPv6 is passed over', list: 'for=192.0.2.1, for="[2001:db8:a::2]"', client: '192.0.2.1' },
  { name: 'unknown ends the walk', list: 'for=192.0.2.1, for=unknown, for=10.0.0.2', client: '10.0.0.2' },
  { name: 'a hidden node ends the walk', list: 'for=192.0.2.1, for=_hidden', client: PEER },
  { name: 'an element without for ends the walk', list: 'for=192.0.2.1, proto=https', client: PEER },
  { name: 'two for parameters are none', list: 'for=192.0.2.1;for=10.0.0.2', client: PEER },
  { name: 'an empty for', list: 'for=""', client: PEER },
  { name: 'no value', list: 'for=', client: PEER },
  { name: 'no name', list: '=192.0.2.1', client: PEER },
  { name: 'something behind a quoted value', list: 'for="192.0.2.1"x', client: PEER },
  { name: 'a blank around the equals sign', list: 'for= 192.0.2.1', client: PEER },
  { name: 'a for that is only part of a name', list: 'xfor=192.0.2.1', client: PEER },
  {
    name: 'an open quote of the client cannot hide what a proxy appended',
    list: 'for="1.1.1.1, for=192.0.2.1',
    client: '192.0.2.1',
  },
  {
    name: 'an open quote of the client cannot turn quoted values inside out',
    list: 'for="1.1.1.1\\, for="[2001:db8::1]:4711";by="[2001:db8:a::1]"',
    client: '2001:db8::1',
  },
  { name: 'an open quote is garbage itself', list: 'for="1.1.1.1, for=10.0.0.2', client: '10.0.0.2' },
];

for (const { name, list, client, peer } of FORWARDED) {
  test(`Forwarded: ${name}`, () => assert.equal(resolveForwardedAddress(peer ?? PEER, list, TRUSTED), client));
}

const proxy: fc.Arbitrary<string> = fc.nat(0xffffff).map((low) => `10.${low >> 16}.${(low >> 8) & 255}.${low & 255}`);
const stranger: fc.Arbitrary<string> = fc.oneof(fc.ipV4(), fc.ipV6()).filter((address) => !TRUSTED.contains(address));
/** Visible ASCII and blanks, with what matters to either grammar more often. */
const claims: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom('"', '\\', ',', ';', '=', 'for=', 'for="', '[', ']', ':', ' ', '10.0.0.9'),
      fc.string({ maxLength: 5 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => parts.join(''));

/** One `Forwarded` element as a conforming proxy writes it. */
function toElement(address: string, quoted: boolean, extra: string): string {
  const node = address.includes(':') ? `"[${address}]:4711"` : quoted ? `"${address}"` : address;
  const value = extra.replaceAll(/["\\]/g, '\\$&');
  return `by=_edge;for=${node};ext="${value}"`;
}

test('nothing a client claims changes what trusted proxies say of it', () => {
  fc.assert(
    fc.property(
      claims,
      stranger,
      fc.array(proxy, { maxLength: 4 }),
      claims,
      fc.boolean(),
      (claim, client, hops, extra, quoted) => {
        const expected = toCanonicalIp(client);
        const chain = [client, ...hops];
        assert.equal(resolveClientAddress(PEER, [claim, ...chain].join(', '), TRUSTED), expected);
        const elements = chain.map((address) => toElement(address, quoted, extra));
        assert.equal(resolveForwardedAddress(PEER, [claim, ...elements].join(', '), TRUSTED), expected);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('arbitrary lists never throw and always give the peer or a canonical address', () => {
  fc.assert(
    fc.property(fc.oneof(claims, fc.string({ unit: 'binary', maxLength: 60 })), (list) => {
      for (const resolve of [resolveClientAddress, resolveForwardedAddress]) {
        const client = resolve(PEER, list, TRUSTED);
        assert.notEqual(client, '');
        assert.equal(toCanonicalIp(client), client);
      }
    }),
    { numRuns: 1_000 },
  );
});
