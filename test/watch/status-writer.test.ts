/** The status of Ingresses: one write for each difference, none for anything else, and none that undoes what it did not see. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import { toIngressRecord } from '../../src/watch/ingress-record.ts';
import { KubeClient } from '../../src/watch/kube-client.ts';
import type { LoadBalancerAddress } from '../../src/watch/load-balancer-address.ts';
import { DEFAULT_STATUS_TIMING, type StatusTiming, StatusWriter } from '../../src/watch/status-writer.ts';
import { WriteCounts } from '../../src/watch/write-counts.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { FakeApiServer } from '../support/fake-apiserver/server.ts';
import type { StoredObject } from '../support/fake-apiserver/storage.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { rawIngress } from '../support/kubernetes-objects.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const OLD: readonly LoadBalancerAddress[] = [{ ip: '192.0.2.1' }];
const NEW: readonly LoadBalancerAddress[] = [{ ip: '192.0.2.2' }, { hostname: 'lb.example' }];

/** A writer that leads, over a fake server whose Ingresses it sees only when the test shows them. */
class Fixture {
  readonly fake: FakeApiServer;
  readonly writer: StatusWriter;
  readonly clock: FakeClock = new FakeClock();
  readonly counts: WriteCounts = new WriteCounts();
  readonly logger: RecordingLogger = new RecordingLogger();
  holds = true;
  /** How often the writer has asked whether its term holds. */
  asked = 0;
  readonly #end = new AbortController();
  readonly #client: KubeClient;
  #leading: Promise<void> = Promise.resolve();

  constructor(fake: FakeApiServer, timing: Partial<StatusTiming> = {}) {
    this.fake = fake;
    const kubeconfig = fake.writeKubeconfig();
    this.#client = new KubeClient({ kubeconfig, logger: NULL_LOGGER, userAgent: 'sluice/test', env: {} });
    this.writer = new StatusWriter({
      client: this.#client,
      counts: this.counts,
      logger: this.logger,
      clock: this.clock,
      random: () => 0,
      timing: { ...DEFAULT_STATUS_TIMING, ...timing },
    });
  }

  static async start(t: TestContext, timing: Partial<StatusTiming> = {}): Promise<Fixture> {
    const fixture = new Fixture(await FakeApiServer.start(), timing);
    t.after(async () => {
      fixture.#end.abort();
      await fixture.#leading;
      fixture.#client.close();
      await fixture.fake.close();
      assert.deepEqual(fixture.fake.unknownRequests, []);
    });
    return fixture;
  }

  lead(): void {
    const holds = (): boolean => {
      this.asked++;
      return this.holds && !this.#end.signal.aborted;
    };
    this.#leading = this.writer.lead({ signal: this.#end.signal, holds });
  }

  create(name: string): StoredObject {
    return this.fake.put('ingresses', rawIngress(name, `${name}.example`, 'web'));
  }

  /** As it is now, or as `stored` was. */
  show(name: string, stored: StoredObject = this.#stored(name)): void {
    this.writer.observe(`shop/${name}`, toIngressRecord(stored));
  }

  ours(...names: readonly string[]): void {
    this.writer.setOurs(new Set(names.map((name) => `shop/${name}`)));
  }

  published(name: string): unknown {
    const status = this.#stored(name).status as { loadBalancer?: { ingress?: unknown } } | undefined;
    return status?.loadBalancer?.ingress;
  }

  get writes(): number {
    return this.counts.list().find(({ result }) => result === 'ok')?.count ?? 0;
  }

  get patches(): number {
    return this.fake.requests.filter(({ method }) => method === 'PATCH').length;
  }

  #stored(name: string): StoredObject {
    const found = this.fake.list('ingresses').find(({ metadata }) => metadata.name === name);
    assert.ok(found !== undefined);
    return found;
  }
}

test('what differs is written once, in a patch of the status alone, and what is right is left alone', async (t) => {
  const fixture = await Fixture.start(t);
  fixture.create('a');
  fixture.create('right');
  fixture.fake.putStatus('ingresses', 'shop/right', { loadBalancer: { ingress: NEW.toReversed() } });
  fixture.create('foreign');
  for (const name of ['a', 'right', 'foreign']) fixture.show(name);
  fixture.ours('a', 'right');
  fixture.writer.setAddresses(NEW);
  fixture.lead();
  await eventuallyTrue(() => fixture.writes === 1);
  assert.deepEqual(fixture.published('a'), NEW);
  const [patch] = fixture.fake.requests.filter(({ method }) => method === 'PATCH');
  assert.ok(patch !== undefined);
  assert.equal(patch.path, '/apis/networking.k8s.io/v1/namespaces/shop/ingresses/a/status');
  assert.equal(patch.query.get('fieldManager'), 'sluice');
  const { metadata, ...rest } = patch.body as { metadata: object };
  assert.deepEqual(Object.keys(metadata), ['uid', 'resourceVersion']);
  assert.deepEqual(rest, { status: { loadBalancer: { ingress: NEW } } });
  // The echo of our own write, and of anything else.
  for (const name of ['a', 'right', 'foreign']) fixture.show(name);
  fixture.create('last');
  fixture.show('last');
  fixture.ours('a', 'right', 'last');
  await eventuallyTrue(() => fixture.writes === 2);
  assert.equal(fixture.patches, 2);
});

test('an event from before our own write does not cause another one', async (t) => {
  const fixture = await Fixture.start(t);
  const before = fixture.create('a');
  fixture.show('a');
  fixture.ours('a');
  fixture.writer.setAddresses(OLD);
  fixture.lead();
  await eventuallyTrue(() => fixture.writes === 1);
  fixture.show('a', before);
  fixture.clock.advanceTo(600_000);
  fixture.create('b');
  fixture.show('b');
  fixture.ours('a', 'b');
  await eventuallyTrue(() => fixture.writes === 2);
  assert.equal(fixture.patches, 2);
});

test('new addresses go to all, once each, and unknown ones change nothing', async (t) => {
  const fixture = await Fixture.start(t, { rate: { perSecond: 1_000_000, burst: 1_000_000 } });
  const names = Array.from({ length: 300 }, (_, at) => `i${at}`);
  for (const name of names) {
    fixture.create(name);
    fixture.show(name);
  }
  fixture.ours(...names);
  fixture.lead();
  fixture.writer.setAddresses(OLD);
  await eventuallyTrue(() => fixture.writes === 300);
  fixture.writer.setAddresses(NEW);
  fixture.writer.setAddresses(NEW);
  await eventuallyTrue(() => fixture.writes === 600);
  fixture.writer.setAddresses([]);
  fixture.create('last');
  fixture.show('last');
  fixture.ours(...names, 'last');
  fixture.writer.setAddresses(NEW);
  await eventuallyTrue(() => fixture.writes === 601);
  assert.equal(fixture.patches, 601);
  assert.ok(names.every((name) => fixture.published(name) !== undefined));
});

test('however many there are, so many are written a second', async (t) => {
  const fixture = await Fixture.start(t);
  const names = Array.from({ length: 200 }, (_, at) => `i${at}`);
  for (const name of names) {
    fixture.create(name);
    fixture.show(name);
  }
  fixture.ours(...names);
  fixture.writer.setAddresses(OLD);
  fixture.lead();
  await eventuallyTrue(() => fixture.writes === 50 && fixture.clock.isDueIn(20));
  assert.equal(fixture.patches, 50);
  for (let second = 1; second <= 3; second++) {
    for (let at = 0; at < 50; at++) {
      const before = fixture.writes;
      fixture.clock.advanceTo(fixture.clock.nowMs() + 20);
      await eventuallyTrue(() => fixture.writes > before);
    }
    assert.ok(fixture.patches <= 50 + second * 50, `${fixture.patches} patches after ${second} s`);
  }
});

test('an Ingress that changed under the write is read anew, and nothing of its change is lost', async (t) => {
  const fixture = await Fixture.start(t);
  const before = fixture.create('a');
  const changed = rawIngress('a', 'a.example', 'web');
  fixture.fake.put('ingresses', { ...changed, metadata: { ...changed.metadata, annotations: { team: 'x' } } });
  fixture.show('a', before);
  fixture.ours('a');
  fixture.writer.setAddresses(OLD);
  fixture.lead();
  await eventuallyTrue(() => fixture.clock.isDueIn(DEFAULT_STATUS_TIMING.conflictMs));
  assert.deepEqual(fixture.counts.list(), [{ kind: 'status', result: 'conflict', count: 1 }]);
  fixture.clock.advanceTo(DEFAULT_STATUS_TIMING.conflictMs);
  await eventuallyTrue(() => fixture.writes === 1);
  assert.deepEqual(fixture.published('a'), OLD);
  assert.deepEqual(fixture.fake.list('ingresses')[0]?.metadata.annotations, { team: 'x' });
  assert.deepEqual(
    fixture.fake.requests.map(({ method }) => method),
    ['PATCH', 'GET', 'PATCH'],
  );
});

test('somebody who wrote the right addresses meanwhile saves us the write', async (t) => {
  const fixture = await Fixture.start(t);
  const before = fixture.create('a');
  fixture.fake.putStatus('ingresses', 'shop/a', { loadBalancer: { ingress: OLD } });
  fixture.show('a', before);
  fixture.ours('a');
  fixture.writer.setAddresses(OLD);
  fixture.lead();
  await eventuallyTrue(() => fixture.clock.isDueIn(DEFAULT_STATUS_TIMING.conflictMs));
  fixture.clock.advanceTo(DEFAULT_STATUS_TIMING.conflictMs);
  fixture.create('b');
  fixture.show('b');
  fixture.ours('a', 'b');
  await eventuallyTrue(() => fixture.writes === 1);
  assert.deepEqual(fixture.published('b'), OLD);
  assert.equal(fixture.patches, 2);
});

test('an Ingress that is gone, or another one of the same name, is no failure', async (t) => {
  const fixture = await Fixture.start(t);
  const first = fixture.create('a');
  fixture.fake.delete('ingresses', 'shop/a');
  fixture.show('a', first);
  fixture.ours('a');
  fixture.writer.setAddresses(OLD);
  fixture.lead();
  await eventuallyTrue(() => fixture.counts.list().some(({ result }) => result === 'gone'));
  fixture.create('a');
  fixture.show('a');
  await eventuallyTrue(() => fixture.writes === 1);
  assert.deepEqual(fixture.published('a'), OLD);
});

test('whoever keeps undoing it is not fought more than once a minute', async (t) => {
  const fixture = await Fixture.start(t);
  fixture.create('a');
  fixture.show('a');
  fixture.ours('a');
  fixture.writer.setAddresses(OLD);
  fixture.lead();
  await eventuallyTrue(() => fixture.writes === 1);
  for (const ip of ['198.51.100.1', '198.51.100.2', '198.51.100.3']) {
    fixture.fake.putStatus('ingresses', 'shop/a', { loadBalancer: { ingress: [{ ip }] } });
    fixture.show('a');
  }
  await eventuallyTrue(() => fixture.clock.isDueIn(60_000));
  fixture.clock.advanceTo(59_999);
  assert.equal(fixture.writes, 1);
  fixture.clock.advanceTo(60_000);
  await eventuallyTrue(() => fixture.writes === 2);
  assert.deepEqual(fixture.published('a'), OLD);
  // New addresses of our own do not wait.
  fixture.writer.setAddresses(NEW);
  await eventuallyTrue(() => fixture.writes === 3);
  assert.equal(fixture.patches, 3);
});

test('what leaves our class is cleared once, and what its new owner wrote is not touched', async (t) => {
  const fixture = await Fixture.start(t);
  for (const name of ['moved', 'taken', 'stays']) {
    fixture.create(name);
    fixture.show(name);
  }
  fixture.ours('moved', 'taken', 'stays');
  fixture.writer.setAddresses(OLD);
  fixture.lead();
  await eventuallyTrue(() => fixture.writes === 3);
  fixture.fake.putStatus('ingresses', 'shop/taken', { loadBalancer: { ingress: [{ ip: '198.51.100.9' }] } });
  fixture.show('taken');
  fixture.ours('stays');
  await eventuallyTrue(() => fixture.writes === 4);
  assert.equal(fixture.published('moved'), undefined);
  assert.deepEqual(fixture.published('taken'), [{ ip: '198.51.100.9' }]);
  // Its new owner has the same addresses: no fight about them.
  fixture.fake.putStatus('ingresses', 'shop/moved', { loadBalancer: { ingress: OLD } });
  fixture.show('moved');
  fixture.writer.setAddresses(NEW);
  await eventuallyTrue(() => fixture.writes === 5);
  assert.deepEqual(fixture.published('moved'), OLD);
  assert.equal(fixture.patches, 5);
});

test('a missing right is named once and asked for again', async (t) => {
  const fixture = await Fixture.start(t);
  fixture.fake.denials = [{ plural: 'ingresses', verb: 'patch' }];
  fixture.create('a');
  fixture.show('a');
  fixture.ours('a');
  fixture.writer.setAddresses(OLD);
  fixture.lead();
  for (let attempt = 1; attempt <= 3; attempt++) {
    await eventuallyTrue(() => fixture.patches === attempt && fixture.clock.isDueIn(30_000));
    fixture.clock.advanceTo(fixture.clock.nowMs() + 30_000);
  }
  const errors = fixture.logger.lines.filter(({ level }) => level === 'error');
  assert.equal(errors.length, 1);
  assert.match(String(errors[0]?.fields['problem']), /403.*forbidden.*grant patch on ingresses\/status/);
  fixture.fake.denials = [];
  await eventuallyTrue(() => {
    fixture.clock.advanceTo(fixture.clock.nowMs() + 1_000);
    return fixture.writes === 1;
  });
});

test('what the server refuses is not offered again until it is something else', async (t) => {
  const fixture = await Fixture.start(t);
  fixture.fake.faults.push({ method: 'PATCH' }, { kind: 'status', code: 422, reason: 'Invalid' });
  fixture.create('a');
  fixture.show('a');
  fixture.ours('a');
  fixture.writer.setAddresses(OLD);
  fixture.lead();
  await eventuallyTrue(() => fixture.logger.messages().includes('ingress status refused'));
  fixture.ours();
  fixture.ours('a');
  fixture.create('b');
  fixture.show('b');
  fixture.ours('a', 'b');
  await eventuallyTrue(() => fixture.writes === 1);
  assert.equal(fixture.published('a'), undefined);
  fixture.writer.setAddresses(NEW);
  await eventuallyTrue(() => fixture.writes === 3);
  assert.deepEqual(fixture.published('a'), NEW);
});

for (const [what, fault] of [
  ['answers 500', { kind: 'status', code: 500 }],
  ['breaks the connection', { kind: 'reset' }],
  ['does the write and breaks the connection', { kind: 'lost-answer' }],
] as const) {
  test(`a server that ${what} is left alone for a moment, and nothing is forgotten`, async (t) => {
    const fixture = await Fixture.start(t);
    fixture.fake.faults.push({ method: 'PATCH' }, fault);
    fixture.create('a');
    fixture.show('a');
    fixture.ours('a');
    fixture.writer.setAddresses(OLD);
    fixture.lead();
    await eventuallyTrue(() => fixture.clock.isDueIn(800));
    assert.equal(fixture.patches, 1);
    await eventuallyTrue(() => {
      fixture.clock.advanceTo(fixture.clock.nowMs() + 100);
      return fixture.counts.list().some(({ result }) => result === (fault.kind === 'lost-answer' ? 'conflict' : 'ok'));
    });
    assert.deepEqual(fixture.published('a'), OLD);
  });
}

test('a term that does not hold writes nothing', async (t) => {
  const fixture = await Fixture.start(t);
  fixture.create('a');
  fixture.create('b');
  fixture.show('a');
  fixture.ours('a');
  fixture.writer.setAddresses(OLD);
  fixture.holds = false;
  fixture.lead();
  await eventuallyTrue(() => fixture.asked > 0);
  fixture.holds = true;
  fixture.show('b');
  fixture.ours('a', 'b');
  await eventuallyTrue(() => fixture.writes === 1);
  assert.deepEqual([fixture.published('a'), fixture.published('b')], [undefined, OLD]);
});
