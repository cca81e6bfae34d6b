/** What the decision of a split may allocate: nothing for routes without canaries, and nothing for hashing a user. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { Upstream } from '../../src/balancer/upstream.ts';
import { BucketReader } from '../../src/live/bucket-reader.ts';
import { type LiveCanary, LiveSplit, SplitTarget } from '../../src/live/live-split.ts';
import { compileMatch } from '../../src/live/request-match.ts';
import { SplitStats } from '../../src/live/route-stats.ts';
import { requestFacts } from '../support/request-facts.ts';

const CALLS = 1_000_000;
const CLIENT = '192.0.2.1';
const facts = requestFacts({ headers: { 'x-user': 'alice@shop.example', 'x-team': 'red' } });

function target(id: string): SplitTarget {
  const upstream = new Upstream(id, 'round-robin', 1);
  upstream.update([{ address: '10.0.0.1', port: 80, weight: 1 }], () => ({
    openCount: 0,
    idleCount: 0,
    close: () => undefined,
    retire: () => undefined,
  }));
  return new SplitTarget(upstream, new SplitStats(id, false), 1);
}

const canary: LiveCanary = {
  target: target('canary'),
  headerName: 'x-canary',
  headerKind: 'word',
  headerValue: '',
  headerPattern: null,
  cookie: 'canary',
  match: compileMatch({ kind: 'value', of: 'header', name: 'x-team', test: 'exact', value: 'blue' }),
  gate: null,
  weight: 30,
  weightTotal: 100,
  rulesFirst: false,
  standsIn: false,
};
const reader = new BucketReader({ by: { kind: 'header', name: 'x-user' }, seed: 'shop/next' });

const cases = [
  { name: 'without canaries', split: new LiveSplit([target('main')], []) },
  { name: 'by chance', split: new LiveSplit([target('main')], [canary]) },
  { name: 'by user', split: new LiveSplit([target('main')], [canary], reader) },
];

function decideMany(split: LiveSplit): number {
  let found = 0;
  for (let draw = 0; draw < CALLS; draw++) if (split.choose(facts, CLIENT, draw).weight > 0) found++;
  return found;
}

for (const { name, split } of cases) {
  test(`a decision ${name} allocates less than 8 bytes`, (t) => {
    decideMany(split);
    const before = getHeapStatistics().total_allocated_bytes;
    assert.equal(decideMany(split), CALLS);
    const perCall = (getHeapStatistics().total_allocated_bytes - before) / CALLS;
    t.diagnostic(`${perCall.toFixed(2)} bytes a decision`);
    assert.ok(perCall < 8, `${perCall} bytes a decision`);
  });
}
