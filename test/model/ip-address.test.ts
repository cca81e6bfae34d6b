/** IP literals, read strictly and spelled in one way. */
import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatIpv4, parseIpv4, parseIpv6, toCanonicalIp } from '../../src/model/ip-address.ts';

const cases: readonly { readonly text: string; readonly canonical: string }[] = [
  { text: '192.0.2.1', canonical: '192.0.2.1' },
  { text: '255.255.255.255', canonical: '255.255.255.255' },
  { text: '2001:DB8::0:1', canonical: '2001:db8::1' },
  { text: '1:0:0:2:0:0:0:3', canonical: '1:0:0:2::3' },
  { text: '1:0:0:2:3:0:0:4', canonical: '1::2:3:0:0:4' },
  { text: '1:0:2:3:4:5:6:7', canonical: '1:0:2:3:4:5:6:7' },
  { text: '::', canonical: '::' },
  { text: '::ffff:192.0.2.1', canonical: '192.0.2.1' },
  { text: '0:0:0:0:0:FFFF:C000:0201', canonical: '192.0.2.1' },
  { text: '::192.0.2.1', canonical: '::c000:201' },
  { text: '64:ff9b::192.0.2.1', canonical: '64:ff9b::c000:201' },
  { text: '::ffff:0:192.0.2.1', canonical: '::ffff:0:c000:201' },
  { text: '', canonical: '' },
  { text: '1.2.3', canonical: '' },
  { text: '1.2.3.4.5', canonical: '' },
  { text: '1.2.3.4.', canonical: '' },
  { text: '.1.2.3.4', canonical: '' },
  { text: '1..2.3', canonical: '' },
  { text: '1.2.3.04', canonical: '' },
  { text: '1.2.3.0x4', canonical: '' },
  { text: '1.2.3.1000', canonical: '' },
  { text: '16909060', canonical: '' },
  { text: ' 1.2.3.4', canonical: '' },
  { text: '1.2.3.4\n', canonical: '' },
  { text: '::ffff:01.2.3.4', canonical: '' },
  { text: 'fe80::1%eth0', canonical: '' },
  { text: '[::1]', canonical: '' },
  { text: '12345::', canonical: '' },
  { text: '1:2:3:4:5:6:7:8:9', canonical: '' },
  { text: 'localhost', canonical: '' },
];

for (const { text, canonical } of cases) {
  const name = canonical === '' ? `${JSON.stringify(text)} is no IP address` : `${text} is spelled ${canonical}`;
  test(name, () => assert.equal(toCanonicalIp(text), canonical));
}

test('every IPv4 number survives being printed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (value) => {
      assert.equal(parseIpv4(formatIpv4(value)), value);
    }),
  );
});

test('IPv4 is what the runtime takes for IPv4', () => {
  const octetLike = fc.oneof(fc.nat(300).map(String), fc.constantFrom('', '00', '01', '1 ', '-1', 'a'));
  const almost = fc.array(octetLike, { minLength: 3, maxLength: 5 }).map((octets) => octets.join('.'));
  fc.assert(
    fc.property(fc.oneof(almost, fc.ipV4(), fc.ipV4Extended(), fc.string({ maxLength: 12 })), (text) => {
      assert.equal(parseIpv4(text) !== -1, isIPv4(text));
    }),
    { numRuns: 1_000 },
  );
});

test('IPv6 is spelled as URLs spell it, and canonical spellings are stable', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const url = new URL(`http://[${text}]/`).hostname.slice(1, -1);
      assert.deepEqual(parseIpv6(text), parseIpv6(url));
      const canonical = toCanonicalIp(text);
      if (canonical.includes(':')) assert.equal(canonical, url);
      else assert.match(url, /^::ffff:/);
      assert.equal(toCanonicalIp(canonical), canonical);
    }),
    { numRuns: 1_000 },
  );
});

test('IPv6 is what the runtime takes for IPv6', () => {
  const part = fc.constantFrom('', ':', '::', '0', 'ffff', '12345', 'g', '1', 'a:b', '1.2.3.4', '1.2.3.04', '%1');
  const almost = fc.array(part, { minLength: 1, maxLength: 9 }).map((parts) => parts.join(':'));
  fc.assert(
    fc.property(fc.oneof(almost, fc.ipV6(), fc.string({ maxLength: 12 })), (text) => {
      assert.equal(parseIpv6(text) !== null, isIPv6(text) && !text.includes('%'));
    }),
    { numRuns: 2_000 },
  );
});
