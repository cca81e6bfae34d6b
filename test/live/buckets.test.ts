/** Shares by chance and by user: how exact they are, that nobody moves when one grows, and that all processes agree. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { Upstream } from '../../src/balancer/upstream.ts';
import { BucketReader, NO_BUCKET } from '../../src/live/bucket-reader.ts';
import { type LiveCanary, LiveSplit, SplitTarget } from '../../src/live/live-split.ts';
import { SplitStats } from '../../src/live/route-stats.ts';
import type { BucketKey } from '../../src/model/canary.ts';
import { bucketDigest } from '../support/bucket-digest.ts';
import { requestFacts } from '../support/request-facts.ts';

const COUNT = 100_000;
const CLIENT = '192.0.2.1';
const BY_USER: BucketKey = { kind: 'header', name: 'x-user' };

function target(id: string, addresses: readonly string[] = ['10.0.0.1']): SplitTarget {
  const upstream = new Upstream(id, 'round-robin', 1);
  upstream.update(
    addresses.map((address) => ({ address, port: 80, weight: 1 })),
    () => ({ openCount: 0, idleCount: 0, close: () => undefined, retire: () => undefined }),
  );
  return new SplitTarget(upstream, new SplitStats(id, false), 1);
}

function canary(weight: number, to: SplitTarget = target('canary')): LiveCanary {
  const noHeader = { headerName: '', headerKind: 'word', headerValue: '', headerPattern: null } as const;
  const noRules = { cookie: '', match: null, gate: null, rulesFirst: false, standsIn: false };
  return { target: to, ...noHeader, ...noRules, weight, weightTotal: 100 };
}

function byUser(canaries: readonly LiveCanary[], seed = 'shop/next', main = target('main')): LiveSplit {
  return new LiveSplit([main], canaries, new BucketReader({ by: BY_USER, seed }));
}

/** Xorshift, as workers draw. */
function makeDraw(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 1;
  };
}

/** Who takes each of so many users. */
function assign(split: LiveSplit, users = COUNT): readonly string[] {
  return Array.from({ length: users }, (_, at) => {
    return split.choose(requestFacts({ headers: { 'x-user': `user-${at}` } }), CLIENT, 0).upstream.id;
  });
}

function countCanary(ids: readonly string[]): number {
  return ids.filter((id) => id === 'canary').length;
}

/** Five standard deviations of a binomial distribution: a fair one leaves them once in two million times. */
function assertFair(taken: number, share: number): void {
  const allowed = 5 * Math.sqrt(COUNT * share * (1 - share));
  assert.ok(Math.abs(taken - COUNT * share) <= allowed, `${taken} of ${COUNT}, expected ${COUNT * share} ± ${allowed}`);
}

for (const weight of [0, 1, 5, 50, 99, 100]) {
  test(`weight ${weight} takes its share by chance and by user`, (t: TestContext) => {
    const split = new LiveSplit([target('main')], [canary(weight)]);
    const draw = makeDraw(0x2545f491);
    const facts = requestFacts();
    let byChance = 0;
    for (let at = 0; at < COUNT; at++) if (split.choose(facts, CLIENT, draw()).upstream.id === 'canary') byChance++;
    const taken = countCanary(assign(byUser([canary(weight)])));
    t.diagnostic(`of ${COUNT}: ${byChance} by chance, ${taken} by user`);
    assertFair(byChance, weight / 100);
    assertFair(taken, weight / 100);
  });
}

test('whoever is in stays in while the weight grows from 10 to 20 to 50 to 100', () => {
  let former = assign(byUser([canary(10)]));
  for (const weight of [20, 50, 100]) {
    const next = assign(byUser([canary(weight)]));
    assert.equal(former.filter((id, at) => id === 'canary' && next[at] !== 'canary').length, 0);
    assert.ok(countCanary(next) > countCanary(former));
    former = next;
  }
});

function both(second: number): LiveSplit {
  return byUser([canary(10, target('one')), canary(second, target('two'))]);
}

test('several canaries share one scale in order, and growth of the last one moves nobody of the first', () => {
  const before = assign(both(20));
  const after = assign(both(40));
  for (const [id, share] of [['one', 0.1] as const, ['two', 0.2] as const]) {
    assertFair(before.filter((each) => each === id).length, share);
  }
  assert.equal(before.filter((id, at) => id !== 'main' && after[at] !== id).length, 0);
});

test('endpoints decide nothing about the version', () => {
  const many = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
  const one = assign(byUser([canary(30)]), 1_000);
  const other = assign(byUser([canary(30, target('canary', many))], 'shop/next', target('main', many)), 1_000);
  assert.deepEqual(one, other);
});

test('another seed chooses other users', () => {
  const one = assign(byUser([canary(50)], 'release-1'));
  const two = assign(byUser([canary(50)], 'release-2'));
  assertFair(one.filter((id, at) => id === two[at]).length, 0.5);
});

test('another process has the same buckets', async () => {
  const file = join(import.meta.dirname, '../support/bucket-digest.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [file]);
  assert.equal(stdout, bucketDigest());
});

test('a request without a key, or with an empty one, goes by chance', () => {
  const split = byUser([canary(50)]);
  for (const headers of [{}, { 'x-user': '' }]) {
    assert.equal(split.choose(requestFacts({ headers }), CLIENT, 0).upstream.id, 'canary');
    assert.equal(split.choose(requestFacts({ headers }), CLIENT, 0x7fffffff).upstream.id, 'main');
    assert.equal(split.bucket, NO_BUCKET);
  }
});

test('the split says which bucket it went by, and forgets it', () => {
  const split = byUser([canary(50)]);
  split.choose(requestFacts({ headers: { 'x-user': 'alice' } }), CLIENT, 0);
  assert.equal(
    split.bucket,
    new BucketReader({ by: BY_USER, seed: 'shop/next' }).of(requestFacts({ headers: { 'x-user': 'alice' } }), CLIENT),
  );
  assert.notEqual(split.bucket, NO_BUCKET);
  split.choose(requestFacts(), CLIENT, 0);
  assert.equal(split.bucket, NO_BUCKET);
});

const authorization = `Bearer a.${Buffer.from('{"sub":"alice"}').toString('base64url')}.c`;
const SAME_KEY: readonly BucketKey[] = [
  { kind: 'header', name: 'x-user' },
  { kind: 'cookie', name: 'user' },
  { kind: 'query', name: 'user' },
  { kind: 'jwt', name: 'sub' },
];

test('the same user is in the same bucket wherever the request names it', () => {
  const facts = requestFacts({
    headers: { 'x-user': 'alice', cookie: 'user=alice', authorization },
    query: { user: 'alice' },
  });
  const buckets = SAME_KEY.map((by) => new BucketReader({ by, seed: 's' }).of(facts, CLIENT));
  assert.equal(new Set(buckets).size, 1);
  const byAddress = new BucketReader({ by: { kind: 'client-ip' }, seed: 's' });
  assert.equal(byAddress.of(facts, 'alice'), buckets[0]);
  assert.notEqual(byAddress.of(facts, CLIENT), buckets[0]);
});
