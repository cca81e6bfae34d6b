/** Who counts as one client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toClientNetwork } from '../../src/proxy/client-network.ts';

const cases: readonly (readonly [string, string])[] = [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::6', '2001:db8:1:2'],
  ['2001:db8:1::6', '2001:db8:1:0'],
  ['2001:db8::', '2001:db8:0:0'],
  ['2001::2:3:4:5:6', '2001:0:0:2'],
  ['::1', '0:0:0:0'],
  ['::', '0:0:0:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
];

for (const [address, network] of cases) {
  test(`${address} counts as ${network}`, () => {
    assert.equal(toClientNetwork(address), network);
  });
}
