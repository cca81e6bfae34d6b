/** What h2load prints, read back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseH2load, parseH2loadLog } from '../../bench/macro/h2load-output.ts';

const OUTPUT = `starting benchmark...
TLS Protocol: TLSv1.3
Application protocol: h2

finished in 1.02s, 17626.50 req/s, 3.16MB/s
requests: 17626 total, 17642 started, 17626 done, 17600 succeeded, 20 failed, 6 errored, 0 timeout
status codes: 17597 2xx, 3 3xx, 20 4xx, 0 5xx
traffic: 3.16MB (3313688) total, 1.83MB (1922542) headers (space savings 0.00%), 688.98KB (705520) data
`;

test('protocol, rate and counts of a run are read, and a redirect is an error too', () => {
  const expected = { protocol: 'h2', succeeded: 17_600, requestsPerSecond: 17_626.5, errors: 23 };
  assert.deepEqual(parseH2load(OUTPUT), expected);
});

test('an output without the totals is an error that shows it', () => {
  assert.throws(() => parseH2load('could not connect to host'), /something else than expected:\ncould not connect/);
});

test('the log has the microseconds of each request in its third column', () => {
  assert.deepEqual(parseH2loadLog('1795900139067959\t200\t4043\n1795900139067986\t200\t82\n'), [4.043, 0.082]);
});
