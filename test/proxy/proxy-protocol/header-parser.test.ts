/** PROXY protocol headers, version 1 and 2: what they mean, what is refused, and that reads can be cut anywhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ProxyAddresses } from '../../../src/proxy/proxy-protocol/addresses.ts';
import { crc32c } from '../../../src/proxy/proxy-protocol/crc32c.ts';
import { parseInReads, SIGNATURE, tlv, v2 } from './headers.ts';

function addresses(source: string, sourcePort: number, destination: string, destinationPort: number): ProxyAddresses {
  return { sourceAddress: source, sourcePort, destinationAddress: destination, destinationPort };
}

const IPV4_BLOCK = 'c0000201c633640a119201bb';
const IPV4 = addresses('192.0.2.1', 4498, '198.51.100.10', 443);
const IPV6_BLOCK = '20010db800000000000000000000000120010db80001000000000000000000ff119201bb';
const IPV6 = addresses('2001:db8::1', 4498, '2001:db8:1::ff', 443);

/** The address block and TLVs in front of a checksum field, which is filled in. */
function withChecksum(block: string, tlvsBehind = ''): Buffer {
  const header = v2(0x21, 0x11, `${block}${tlv(3, '00000000')}${tlvsBehind}`);
  header.writeUInt32BE(crc32c(header), 16 + block.length / 2 + 3);
  return header;
}

interface ValidCase {
  readonly name: string;
  readonly header: string | Buffer;
  readonly result: ProxyAddresses | null;
}

const VALID: readonly ValidCase[] = [
  {
    name: 'a TCP4 line names both ends',
    header: 'PROXY TCP4 192.0.2.1 198.51.100.10 4498 443\r\n',
    result: IPV4,
  },
  {
    name: 'the longest TCP4 line',
    header: 'PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n',
    result: addresses('255.255.255.255', 65_535, '255.255.255.255', 65_535),
  },
  {
    name: 'port 0 is a port',
    header: 'PROXY TCP4 0.0.0.0 1.2.3.4 0 0\r\n',
    result: addresses('0.0.0.0', 0, '1.2.3.4', 0),
  },
  {
    name: 'a TCP6 line in any spelling gives canonical addresses',
    header: 'PROXY TCP6 2001:0DB8:0:0:0:0:0:1 2001:db8:1::ff 4498 443\r\n',
    result: IPV6,
  },
  {
    name: 'the longest TCP6 line',
    header: `PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
    result: addresses(`${'ffff:'.repeat(7)}ffff`, 65_535, `${'ffff:'.repeat(7)}ffff`, 65_535),
  },
  {
    name: 'an IPv4-mapped address under TCP6 is the IPv4 address',
    header: 'PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:640a 4498 443\r\n',
    result: IPV4,
  },
  { name: 'UNKNOWN alone keeps the addresses of the socket', header: 'PROXY UNKNOWN\r\n', result: null },
  {
    name: 'whatever stands behind UNKNOWN is ignored',
    header: 'PROXY UNKNOWN 1.2.3.4 \0 nonsense\xff\r\n',
    result: null,
  },
  {
    name: 'the longest line of all, 107 bytes',
    header: `PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`,
    result: null,
  },
  { name: 'version 2 over IPv4', header: v2(0x21, 0x11, IPV4_BLOCK), result: IPV4 },
  { name: 'version 2 over IPv6', header: v2(0x21, 0x21, IPV6_BLOCK), result: IPV6 },
  { name: 'a client that spoke UDP has an address all the same', header: v2(0x21, 0x12, IPV4_BLOCK), result: IPV4 },
  {
    name: 'an IPv4-mapped address in version 2 is the IPv4 address',
    header: v2(0x21, 0x21, `00000000000000000000ffffc000020100000000000000000000ffffc633640a119201bb`),
    result: IPV4,
  },
  { name: 'LOCAL keeps the addresses of the socket', header: v2(0x20, 0, ''), result: null },
  {
    name: 'the block of a LOCAL connection is skipped, whatever it holds',
    header: v2(0x20, 0xff, 'abcdef'),
    result: null,
  },
  { name: 'no family keeps the addresses of the socket', header: v2(0x21, 0, 'abcdef'), result: null },
  { name: 'no transport keeps the addresses of the socket', header: v2(0x21, 0x10, 'abcdef'), result: null },
  { name: 'UNIX sockets keep the addresses of the socket', header: v2(0x21, 0x31, '00'.repeat(216)), result: null },
  {
    name: 'TLVs nobody here knows are skipped',
    header: v2(0x21, 0x11, IPV4_BLOCK + tlv(0xea, '0176706365') + tlv(4, '') + tlv(0xff, '00'.repeat(300))),
    result: IPV4,
  },
  { name: 'a right checksum', header: withChecksum(IPV4_BLOCK), result: IPV4 },
  {
    name: 'a right checksum between other TLVs',
    header: withChecksum(IPV4_BLOCK + tlv(2, '61'), tlv(4, '0000')),
    result: IPV4,
  },
  {
    name: 'a header of 4 KiB',
    header: v2(0x21, 0x11, IPV4_BLOCK + tlv(4, '00'.repeat(4096 - 16 - 12 - 3))),
    result: IPV4,
  },
];

for (const { name, header, result } of VALID) {
  test(`${name}, and the bytes behind it stay untouched`, () => {
    const bytes = Buffer.from(header as string, 'latin1');
    const all = Buffer.concat([bytes, Buffer.from('PROXY GET / \r\n')]);
    const expected = { state: 'done', result, fault: '', used: bytes.length };
    assert.deepEqual(parseInReads(bytes, []), expected);
    assert.deepEqual(parseInReads(all, []), expected);
    assert.deepEqual(parseInReads(bytes.subarray(0, -1), []), {
      state: 'incomplete',
      result: null,
      fault: '',
      used: bytes.length - 1,
    });
    for (let cut = 0; cut <= bytes.length; cut += bytes.length > 500 ? 97 : 1) {
      assert.deepEqual(parseInReads(all, [cut]), expected, `cut at ${cut}`);
    }
    const everywhere = Array.from(all.keys());
    assert.deepEqual(parseInReads(all, everywhere), expected, 'byte by byte');
  });
}

interface InvalidCase {
  readonly name: string;
  readonly bytes: string | Buffer;
  readonly fault: RegExp;
  /** Where it is found out; the last byte when absent. */
  readonly used?: number;
}

const wrongChecksum = withChecksum(IPV4_BLOCK);
wrongChecksum[16] = 0xc1;

const INVALID: readonly InvalidCase[] = [
  { name: 'a request without header', bytes: 'GET / HTTP/1.1\r\n', fault: /does not begin/, used: 1 },
  { name: 'a POST, which begins like a header', bytes: 'POST / HTTP/1.1\r\n', fault: /does not begin/, used: 2 },
  { name: 'a TLS handshake without header', bytes: Buffer.from('160301', 'hex'), fault: /does not begin/, used: 1 },
  { name: 'a lower-case word', bytes: 'PROXy TCP4', fault: /does not begin/, used: 5 },
  { name: 'a tab behind the word', bytes: 'PROXY\tTCP4', fault: /does not begin/, used: 6 },
  { name: 'a line without protocol', bytes: 'PROXY \r\n', fault: /protocol ""/ },
  { name: 'an unknown protocol', bytes: 'PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n', fault: /protocol "TCP5"/ },
  { name: 'UNKNOWN with something glued to it', bytes: 'PROXY UNKNOWNS\r\n', fault: /protocol "UNKNOWNS"/ },
  { name: 'two spaces', bytes: 'PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n', fault: /6 fields where TCP4 has 5/ },
  { name: 'a space at the end', bytes: 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n', fault: /6 fields/ },
  { name: 'a field missing', bytes: 'PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n', fault: /4 fields/ },
  { name: 'an octal octet', bytes: 'PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n', fault: /source address "01.2.3.4"/ },
  {
    name: 'an octet over 255',
    bytes: 'PROXY TCP4 1.2.3.4 1.2.3.256 1 2\r\n',
    fault: /destination address "1.2.3.256"/,
  },
  { name: 'a short IPv4 address', bytes: 'PROXY TCP4 127.1 1.2.3.4 1 2\r\n', fault: /source address "127.1"/ },
  { name: 'IPv6 under TCP4', bytes: 'PROXY TCP4 ::1 1.2.3.4 1 2\r\n', fault: /not a TCP4 address/ },
  { name: 'IPv4 under TCP6', bytes: 'PROXY TCP6 ::1 1.2.3.4 1 2\r\n', fault: /not a TCP6 address/ },
  { name: 'an IPv6 zone', bytes: 'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n', fault: /not a TCP6 address/ },
  { name: 'brackets', bytes: 'PROXY TCP6 [::1] ::1 1 2\r\n', fault: /not a TCP6 address/ },
  { name: 'two double colons', bytes: 'PROXY TCP6 1::2::3 ::1 1 2\r\n', fault: /not a TCP6 address/ },
  { name: 'a port with a leading zero', bytes: 'PROXY TCP4 1.2.3.4 1.2.3.4 080 2\r\n', fault: /port "080"/ },
  { name: 'a port over 65535', bytes: 'PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n', fault: /port "65536"/ },
  { name: 'a signed port', bytes: 'PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n', fault: /port "\+1"/ },
  { name: 'an empty port', bytes: 'PROXY TCP4 1.2.3.4 1.2.3.4  2\r\n', fault: /port ""/ },
  { name: 'LF alone', bytes: 'PROXY TCP4 1.2.3.4 1.2.3.4 1 2\nGET', fault: /CR LF/, used: 31 },
  { name: 'CR alone', bytes: 'PROXY UNKNOWN\rX\r\n', fault: /CR LF/, used: 15 },
  { name: 'CR CR LF', bytes: 'PROXY UNKNOWN\r\r\n', fault: /CR LF/, used: 15 },
  { name: 'a line of 108 bytes', bytes: `PROXY UNKNOWN${' '.repeat(93)}\r\n`, fault: /within 107 bytes/, used: 107 },
  {
    name: 'a broken signature',
    bytes: Buffer.from('0d0a0d0a000d0a515549540b21', 'hex'),
    fault: /does not begin/,
    used: 12,
  },
  { name: 'version 1 in binary', bytes: Buffer.from(`${SIGNATURE}11`, 'hex'), fault: /version 1 is not 2/ },
  { name: 'version 3', bytes: Buffer.from(`${SIGNATURE}31`, 'hex'), fault: /version 3 is not 2/ },
  { name: 'an unknown command', bytes: v2(0x22, 0x11, IPV4_BLOCK), fault: /command 2/ },
  { name: 'an unknown family', bytes: v2(0x21, 0x41, IPV4_BLOCK), fault: /family 4/ },
  { name: 'an unknown transport', bytes: v2(0x21, 0x13, IPV4_BLOCK), fault: /transport protocol 3/ },
  { name: 'addresses cut short', bytes: v2(0x21, 0x11, IPV4_BLOCK.slice(2)), fault: /11 bytes of addresses/ },
  { name: 'IPv6 in the length of IPv4', bytes: v2(0x21, 0x21, IPV4_BLOCK), fault: /12 bytes of addresses/ },
  { name: 'a short UNIX block', bytes: v2(0x21, 0x31, '00'.repeat(215)), fault: /215 bytes of addresses/ },
  {
    name: 'a TLV longer than the header',
    bytes: v2(0x21, 0x11, `${IPV4_BLOCK}04000261`),
    fault: /TLV of type 4 has 2 bytes/,
  },
  { name: 'half a TLV', bytes: v2(0x21, 0x11, `${IPV4_BLOCK}0400`), fault: /2 bytes behind the last TLV/ },
  {
    name: 'a broken TLV behind UNIX addresses',
    bytes: v2(0x21, 0x31, `${'00'.repeat(216)}04`),
    fault: /behind the last TLV/,
  },
  { name: 'a wrong checksum', bytes: wrongChecksum, fault: /wrong CRC32C/ },
  { name: 'a checksum of 3 bytes', bytes: v2(0x21, 0x11, IPV4_BLOCK + tlv(3, '000000')), fault: /not 4 bytes long/ },
  { name: 'two checksums', bytes: withChecksum(IPV4_BLOCK, tlv(3, '00000000')), fault: /more than one checksum/ },
  {
    name: 'a header over 4 KiB, before its block is read',
    bytes: v2(0x21, 0x11, IPV4_BLOCK + tlv(4, '00'.repeat(4096 - 16 - 12 - 2))),
    fault: /4097 bytes is longer than 4096/,
    used: 16,
  },
];

for (const { name, bytes, fault, used } of INVALID) {
  test(`refused: ${name}, at the same byte in whatever reads`, () => {
    const all = Buffer.from(bytes as string, 'latin1');
    const whole = parseInReads(all, []);
    assert.equal(whole.state, 'invalid');
    assert.equal(whole.result, null);
    assert.match(whole.fault, fault);
    assert.equal(whole.used, used ?? all.length);
    for (let cut = 1; cut < Math.min(all.length, 300); cut++) assert.deepEqual(parseInReads(all, [cut]), whole);
    assert.deepEqual(parseInReads(all, Array.from(all.keys())), whole);
  });
}

test('the checksum is CRC32C with the vectors of RFC 3720 B.4', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.from(Uint8Array.from({ length: 32 }, (_, at) => at))), 0x46dd794e);
  assert.equal(crc32c(Buffer.alloc(0)), 0);
});

/** Bytes that get somewhere: a valid beginning, then noise. */
const almostHeaders: fc.Arbitrary<Buffer> = fc
  .tuple(
    fc.constantFrom(
      '',
      'PROXY ',
      'PROXY TCP4 1.2.3.4 ',
      'PROXY TCP6 ::1 ',
      'PROXY UNKNOWN',
      ...['20', '21', '2111000c', '21110010', '2121', '2131', '21110013c0000201c633640a119201bb'].map((hex) =>
        Buffer.from(SIGNATURE + hex, 'hex').toString('latin1'),
      ),
    ),
    fc.uint8Array({ maxLength: 150 }),
    fc.constantFrom('', '\r\n', '1.2.3.4 1 2\r\n', '::1 1 2\r\n'),
  )
  .map(([start, noise, end]) => Buffer.concat([Buffer.from(start, 'latin1'), noise, Buffer.from(end, 'latin1')]));

test('arbitrary bytes never throw, and where reads are cut makes no difference', () => {
  fc.assert(
    fc.property(almostHeaders, fc.array(fc.nat(200), { maxLength: 12 }), (bytes, places) => {
      const cuts = places.map((place) => Math.min(place, bytes.length)).toSorted((a, b) => a - b);
      const whole = parseInReads(bytes, []);
      assert.deepEqual(parseInReads(bytes, cuts), whole);
      assert.equal(whole.state === 'invalid', whole.fault !== '');
      if (whole.state === 'incomplete') assert.equal(whole.used, bytes.length);
      if (whole.state !== 'done') assert.equal(whole.result, null);
      // What was not taken is not looked at: the same bytes without it say the same.
      assert.deepEqual(parseInReads(bytes.subarray(0, whole.used), []), whole);
    }),
    { numRuns: 2_000 },
  );
});
