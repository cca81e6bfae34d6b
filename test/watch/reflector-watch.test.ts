/** What a reflector does with each kind of failure of list and watch. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { eventuallyTrue } from '../support/eventually-true.ts';
import type { Fault, FaultMatch } from '../support/fake-apiserver/faults.ts';
import { FakeApiServer, type FakeApiServerOptions } from '../support/fake-apiserver/server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import {
  FAST_TIMING,
  type ReflectorFixture,
  type ReflectorFixtureOptions,
  serverState,
  startReflector,
} from '../support/reflector-fixture.ts';

async function startFake(t: TestContext, options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
  const fake = await FakeApiServer.start({ bookmarkIntervalMs: 20, ...options });
  t.after(() => fake.close());
  return fake;
}

function start(t: TestContext, fake: FakeApiServer, options: ReflectorFixtureOptions = {}): ReflectorFixture {
  const fixture = startReflector(fake, options);
  t.after(() => fixture.stop());
  return fixture;
}

function service(name: string, data: unknown = 'x'): { metadata: { name: string; namespace: string }; data: unknown } {
  return { metadata: { name, namespace: 'shop' }, data };
}

function secret(type: string): { metadata: { name: string; namespace: string }; type: string } {
  return { metadata: { name: 'cert', namespace: 'shop' }, type };
}

function equalsServer(fixture: ReflectorFixture, fake: FakeApiServer): boolean {
  return isDeepStrictEqual(fixture.store, serverState(fake));
}

test('a collection is read in pages and then watched from the version of the list', async (t) => {
  const fake = await startFake(t);
  for (let i = 0; i < 7; i++) fake.put('services', service(`s${i}`));
  const listedAt = String(fake.storage.revision);
  const fixture = start(t, fake);
  const watch = await fake.waitForRequest((request) => request.watch);
  const lists = fake.requests.filter((request) => !request.watch);
  assert.deepEqual(
    lists.map(({ query }) => [query.get('limit'), query.has('continue'), query.get('resourceVersion')]),
    [
      ['3', false, null],
      ['3', true, null],
      ['3', true, null],
    ],
  );
  assert.equal(watch.query.get('resourceVersion'), listedAt);
  assert.equal(watch.query.get('allowWatchBookmarks'), 'true');
  assert.equal(watch.query.get('timeoutSeconds'), '300');
  assert.equal(fixture.batches.length, 1);
  assert.ok(equalsServer(fixture, fake));
});

test('adds, updates and deletes arrive, and an untouched object is not published again', async (t) => {
  const fake = await startFake(t);
  fake.put('services', service('kept'));
  const fixture = start(t, fake);
  await fixture.until(() => fixture.reflector.status().watches === 1);
  fake.put('services', service('a', 1));
  fake.put('services', service('a', 2));
  fake.put('services', service('b'));
  fake.delete('services', 'shop/b');
  await fixture.until(() => fixture.batches.flat().includes('delete shop/b'));
  assert.deepEqual(fixture.batches.flat(), [
    'set shop/kept',
    'set shop/a',
    'set shop/a',
    'set shop/b',
    'delete shop/b',
  ]);
  assert.ok(equalsServer(fixture, fake));
});

test('bookmarks move the version from which a new watch goes on', async (t) => {
  const fake = await startFake(t, { maxWatchMs: 60 });
  fake.put('services', service('a'));
  const fixture = start(t, fake);
  await fixture.until(() => fixture.reflector.status().synced);
  fake.put('secrets', { metadata: { name: 'elsewhere', namespace: 'shop' } });
  const newest = String(fake.storage.revision);
  await fake.waitForRequest((request) => request.watch && request.query.get('resourceVersion') === newest);
  assert.equal(fixture.reflector.status().lists, 1);
  assert.deepEqual(fixture.failures, []);
});

test('after an outage only what changed meanwhile is published, without a new list', async (t) => {
  const fake = await startFake(t);
  fake.put('services', service('a'));
  const fixture = start(t, fake);
  await fixture.until(() => fixture.reflector.status().watches === 1);
  await fake.goAway();
  await fixture.until(() => fixture.failures.length > 1);
  fake.put('services', service('b'));
  assert.equal(fixture.store.size, 1);
  await fake.listen();
  await fixture.until(() => equalsServer(fixture, fake));
  assert.equal(fixture.reflector.status().lists, 1);
  assert.deepEqual(fixture.batches, [['set shop/a'], ['set shop/b']]);
});

test('a server whose history went back is noticed at once and listed anew', async (t) => {
  const fake = await startFake(t);
  fake.put('services', service('a', 'old'));
  const backup = fake.storage.revision;
  fake.put('services', service('a', 'lost'));
  fake.put('services', service('b', 'lost'));
  const fixture = start(t, fake);
  await fixture.until(() => fixture.reflector.status().watches === 1);
  await fake.goAway();
  fake.storage.rollBack(backup);
  await fake.listen();
  await fixture.until(() => equalsServer(fixture, fake));
  assert.equal(fixture.store.get('shop/a')?.data, 'old');
});

test('versions given out again after a rollback are not taken for the same content', async (t) => {
  const fake = await startFake(t);
  fake.put('services', service('a', 'old'));
  const backup = fake.storage.revision;
  fake.put('services', service('a', 'lost'));
  fake.put('services', service('b', 'lost'));
  const fixture = start(t, fake);
  await fixture.until(() => fixture.reflector.status().watches === 1);
  await fake.goAway();
  fake.storage.rollBack(backup);
  fake.put('services', service('a', 'written anew'));
  await fake.listen();
  await fixture.until(() => equalsServer(fixture, fake));
  assert.equal(fixture.store.get('shop/a')?.data, 'written anew');
});

test('a relist publishes only the difference', async (t) => {
  const fake = await startFake(t);
  for (const name of ['a', 'b', 'c']) fake.put('services', service(name));
  const fixture = start(t, fake);
  await fixture.until(() => fixture.reflector.status().watches === 1);
  await fake.goAway();
  fake.delete('services', 'shop/a');
  fake.put('services', service('b', 'changed'));
  fake.put('services', service('d'));
  fake.storage.compact();
  await fake.listen();
  await fixture.until(() => equalsServer(fixture, fake));
  assert.equal(fixture.reflector.status().lists, 2);
  assert.deepEqual(fixture.batches.at(-1), ['set shop/b', 'set shop/d', 'delete shop/a']);
});

test('an object that was deleted and created anew is published as the new one', async (t) => {
  const fake = await startFake(t);
  fake.put('services', service('a'));
  const fixture = start(t, fake);
  await fixture.until(() => fixture.store.size === 1);
  const before = fixture.store.get('shop/a')?.uid;
  fake.delete('services', 'shop/a');
  fake.put('services', service('a'));
  await fixture.until(() => fixture.store.has('shop/a') && fixture.store.get('shop/a')?.uid !== before);
  assert.ok(equalsServer(fixture, fake));
});

test('a silent stream is given up after the inactivity limit', async (t) => {
  const fake = await startFake(t);
  fake.put('services', service('a'));
  fake.faults.push({ watch: true }, { kind: 'stall' });
  const clock = new FakeClock();
  const { inactivityMs, backoff } = FAST_TIMING;
  const fixture = start(t, fake, { clock });
  await eventuallyTrue(() => clock.isDueIn(inactivityMs));
  fake.put('services', service('b'));
  clock.advanceTo(inactivityMs);
  await eventuallyTrue(() => clock.isDueIn(backoff.baseMs));
  assert.equal(fixture.store.size, 1);
  clock.advanceTo(inactivityMs + backoff.baseMs);
  await fixture.until(() => fixture.store.size === 2);
  assert.equal(fixture.reflector.status().watches, 2);
  assert.deepEqual(fixture.reflector.status().errors, { connection: 1 });
});

test('a selected collection is asked for with its selector, and leaving it is a delete', async (t) => {
  const fake = await startFake(t);
  fake.put('secrets', secret('kubernetes.io/tls'));
  fake.put('secrets', { metadata: { name: 'other', namespace: 'shop' }, type: 'Opaque' });
  const fixture = start(t, fake, { path: '/api/v1/secrets', query: { fieldSelector: 'type=kubernetes.io/tls' } });
  await fixture.until(() => fixture.reflector.status().watches === 1);
  assert.deepEqual([...fixture.store.keys()], ['shop/cert']);
  fake.put('secrets', secret('Opaque'));
  await fixture.until(() => fixture.store.size === 0);
});

test('nothing is asked after the signal aborted', async (t) => {
  const fake = await startFake(t);
  const fixture = startReflector(fake);
  await fake.waitForRequest((request) => request.watch);
  await fixture.stop();
  const asked = fake.requests.length;
  fake.put('services', service('late'));
  await fake.goAway();
  assert.equal(fake.requests.length, asked);
  assert.equal(fixture.store.size, 0);
});

interface FaultCase {
  readonly name: string;
  readonly match: FaultMatch;
  readonly fault: Fault;
  /** Code counted for it; null = none. */
  readonly code: string | null;
  readonly relists: boolean;
}

const faultCases: readonly FaultCase[] = [
  { name: 'a reset of the list', match: { watch: false }, fault: { kind: 'reset' }, code: 'connection', relists: true },
  {
    name: 'a reset of the watch',
    match: { watch: true },
    fault: { kind: 'reset' },
    code: 'connection',
    relists: false,
  },
  {
    name: 'an unauthorized watch',
    match: { watch: true },
    fault: { kind: 'status', code: 401 },
    code: '401',
    relists: false,
  },
  {
    name: 'a forbidden watch',
    match: { watch: true },
    fault: { kind: 'status', code: 403 },
    code: '403',
    relists: false,
  },
  {
    name: 'a failing watch',
    match: { watch: true },
    fault: { kind: 'status', code: 500 },
    code: '500',
    relists: false,
  },
  {
    name: 'an unavailable server',
    match: { watch: true },
    fault: { kind: 'status', code: 503, text: 'no' },
    code: '503',
    relists: false,
  },
  {
    name: 'a refused parameter',
    match: { watch: true },
    fault: { kind: 'status', code: 422 },
    code: '422',
    relists: true,
  },
  {
    name: 'an expired watch by status',
    match: { watch: true },
    fault: { kind: 'status', code: 410, reason: 'Gone' },
    code: '410',
    relists: true,
  },
  {
    name: 'an expired watch by event',
    match: { watch: true },
    fault: { kind: 'error-event', code: 410, reason: 'Expired' },
    code: '410',
    relists: true,
  },
  {
    name: 'an error event 500',
    match: { watch: true },
    fault: { kind: 'error-event', code: 500, reason: 'InternalError' },
    code: '500',
    relists: false,
  },
  {
    name: 'a version the server does not know yet',
    match: { watch: true },
    fault: { kind: 'status', code: 504, cause: 'ResourceVersionTooLarge' },
    code: '504',
    relists: true,
  },
  {
    name: 'a line that is not json',
    match: { watch: true },
    fault: { kind: 'garbage' },
    code: 'protocol',
    relists: true,
  },
  {
    name: 'a watch cut inside a line',
    match: { watch: true },
    fault: { kind: 'cut', afterEvents: 1, midLine: true },
    code: 'connection',
    relists: false,
  },
  {
    name: 'a watch cut between lines',
    match: { watch: true },
    fault: { kind: 'cut', afterEvents: 1, midLine: false },
    code: 'connection',
    relists: false,
  },
  {
    name: 'a watch that arrives byte by byte',
    match: { watch: true },
    fault: { kind: 'one-byte-chunks' },
    code: null,
    relists: false,
  },
  { name: 'a list without items', match: { watch: false }, fault: { kind: 'null-items' }, code: null, relists: false },
];

for (const { name, match, fault, code, relists } of faultCases) {
  test(`${name} is survived without losing a change`, async (t) => {
    const fake = await startFake(t);
    fake.faults.push(match, fault);
    const fixture = start(t, fake);
    await fake.waitForRequest((request) => request.watch);
    for (const each of ['a', 'b', 'c']) fake.put('services', service(each));
    await fixture.until(() => fixture.store.size === 3 && fake.openStreams === 1);
    assert.ok(equalsServer(fixture, fake));
    assert.deepEqual(Object.keys(fixture.reflector.status().errors), code === null ? [] : [code]);
    assert.equal(fixture.reflector.status().lists, relists ? 2 : 1);
    assert.equal(fixture.reflector.status().denied, null);
  });
}

test('a 429 in plain text is waited out as long as it asks for', async (t) => {
  const fake = await startFake(t);
  fake.faults.push({ watch: false }, { kind: 'status', code: 429, text: 'Too many requests', retryAfterSeconds: 1 });
  const fixture = start(t, fake);
  const startedMs = performance.now();
  await fixture.until(() => fixture.reflector.status().synced);
  assert.ok(performance.now() - startedMs >= 990);
  assert.deepEqual(
    fixture.failures.map(({ code }) => code),
    ['429'],
  );
});

test('a continue token that expires between pages leads to one whole list', async (t) => {
  const fake = await startFake(t);
  for (let i = 0; i < 7; i++) fake.put('services', service(`s${i}`));
  fake.faults.push({ continued: true }, { kind: 'status', code: 410, reason: 'Expired' });
  const fixture = start(t, fake);
  await fixture.until(() => fixture.reflector.status().synced);
  const limits = fake.requests.filter((request) => !request.watch).map(({ query }) => query.get('limit'));
  assert.deepEqual(limits, ['3', '3', null]);
  assert.ok(equalsServer(fixture, fake));
});

test('a denied resource says so, keeps its objects, and recovers when it is granted', async (t) => {
  const fake = await startFake(t);
  fake.put('services', service('a'));
  const fixture = start(t, fake);
  await fixture.until(() => fixture.reflector.status().watches === 1);
  fake.denials = [{ plural: 'services' }];
  fake.cutStreams();
  await fixture.until(() => fixture.reflector.status().denied !== null);
  assert.equal(fixture.store.size, 1);
  assert.equal(fixture.reflector.status().synced, true);
  fake.denials = [];
  await fixture.until(() => fixture.reflector.status().denied === null);
  fake.put('services', service('b'));
  await fixture.until(() => equalsServer(fixture, fake));
});
