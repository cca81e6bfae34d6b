/** Events: one for each thing there is to say, whoever says it, and none that is not needed. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import type { EventNotice } from '../../src/watch/event-object.ts';
import { DEFAULT_EVENT_TIMING, EventRecorder, type EventTiming } from '../../src/watch/event-recorder.ts';
import { KubeClient } from '../../src/watch/kube-client.ts';
import { WriteCounts } from '../../src/watch/write-counts.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { FakeApiServer } from '../support/fake-apiserver/server.ts';
import type { StoredObject } from '../support/fake-apiserver/storage.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const MINUTE = 60_000;

function notice(note: string, overrides: Partial<EventNotice> = {}): EventNotice {
  const subject = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    namespace: 'shop',
    name: 'site',
    uid: 'uid-1',
    resourceVersion: '7',
  };
  return { type: 'Warning', reason: 'PathInvalid', note, subject, ...overrides };
}

class Recorder {
  readonly events: EventRecorder;
  readonly clock: FakeClock = new FakeClock();
  readonly counts: WriteCounts = new WriteCounts();
  readonly logger: RecordingLogger = new RecordingLogger();
  readonly #end = new AbortController();
  readonly #client: KubeClient;
  #leading: Promise<void> = Promise.resolve();

  constructor(t: TestContext, fake: FakeApiServer, timing: Partial<EventTiming> = {}) {
    const kubeconfig = fake.writeKubeconfig();
    this.#client = new KubeClient({ kubeconfig, logger: NULL_LOGGER, userAgent: 'sluice/test', env: {} });
    this.events = new EventRecorder({
      client: this.#client,
      reporter: { controller: 'sluice.dev/ingress-controller', instance: 'pod-a' },
      counts: this.counts,
      logger: this.logger,
      clock: this.clock,
      random: () => 0,
      timing: { ...DEFAULT_EVENT_TIMING, ...timing },
    });
    t.after(() => this.stop());
  }

  lead(): void {
    this.#leading = this.events.lead({ signal: this.#end.signal, holds: () => !this.#end.signal.aborted });
  }

  count(result: string): number {
    return this.counts.list().find((each) => each.result === result)?.count ?? 0;
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#leading;
    this.#client.close();
  }
}

async function startFake(t: TestContext): Promise<FakeApiServer> {
  const fake = await FakeApiServer.start();
  t.after(async () => {
    await fake.close();
    assert.deepEqual(fake.unknownRequests, []);
  });
  return fake;
}

function stored(fake: FakeApiServer): readonly (StoredObject & Readonly<Record<string, unknown>>)[] {
  return fake.list('events') as readonly (StoredObject & Readonly<Record<string, unknown>>)[];
}

function seriesCounts(fake: FakeApiServer): readonly number[] {
  return stored(fake).map(({ series }) => (series as { count: number }).count);
}

test('an Event says what, about which object, and who says so', async (t) => {
  const fake = await startFake(t);
  const recorder = new Recorder(t, fake);
  recorder.events.setStanding([notice('spec.rules[0].http.paths[0].path: is "x"; expected one that begins with /')]);
  recorder.lead();
  await eventuallyTrue(() => recorder.count('ok') === 1);
  const [event] = stored(fake);
  assert.match(event?.metadata.name ?? '', /^site\.[0-9a-f]{16}$/);
  assert.equal(event?.metadata.namespace, 'shop');
  const { type, reason, note, action, regarding, reportingController, reportingInstance } = event ?? {};
  assert.deepEqual(
    { type, reason, note, action, reportingController, reportingInstance },
    {
      type: 'Warning',
      reason: 'PathInvalid',
      note: 'spec.rules[0].http.paths[0].path: is "x"; expected one that begins with /',
      action: 'Configure',
      reportingController: 'sluice.dev/ingress-controller',
      reportingInstance: 'pod-a',
    },
  );
  assert.deepEqual(regarding, notice('').subject);
});

test('what stays true is one Event, refreshed before the server forgets it', async (t) => {
  const fake = await startFake(t);
  const recorder = new Recorder(t, fake);
  recorder.lead();
  for (let apply = 0; apply < 5; apply++) recorder.events.setStanding([notice('a'), notice('b')]);
  await eventuallyTrue(() => recorder.count('ok') === 2);
  recorder.clock.advanceTo(29 * MINUTE);
  recorder.events.setStanding([notice('a'), notice('b')]);
  await eventuallyTrue(() => recorder.clock.isDueIn(MINUTE));
  assert.equal(recorder.count('ok'), 2);
  recorder.clock.advanceTo(30 * MINUTE);
  await eventuallyTrue(() => recorder.count('ok') === 4);
  assert.deepEqual(seriesCounts(fake), [2, 2]);
});

test('an Event that the server forgot is written anew', async (t) => {
  const fake = await startFake(t);
  const recorder = new Recorder(t, fake);
  recorder.lead();
  recorder.events.setStanding([notice('a')]);
  await eventuallyTrue(() => recorder.count('ok') === 1);
  fake.delete('events', `shop/${stored(fake)[0]?.metadata.name}`);
  await eventuallyTrue(() => recorder.clock.isDueIn(30 * MINUTE));
  recorder.clock.advanceTo(30 * MINUTE);
  await eventuallyTrue(() => recorder.count('ok') === 2);
  assert.equal(stored(fake).length, 1);
});

test('what comes and goes is written once in five minutes', async (t) => {
  const fake = await startFake(t);
  const recorder = new Recorder(t, fake);
  recorder.lead();
  recorder.events.setStanding([notice('a')]);
  await eventuallyTrue(() => recorder.count('ok') === 1);
  for (let flap = 0; flap < 10; flap++) {
    recorder.events.setStanding([]);
    recorder.events.setStanding([notice('a')]);
  }
  await eventuallyTrue(() => recorder.clock.isDueIn(5 * MINUTE));
  recorder.clock.advanceTo(5 * MINUTE - 1);
  assert.equal(recorder.count('ok'), 1);
  recorder.clock.advanceTo(5 * MINUTE);
  await eventuallyTrue(() => recorder.count('ok') === 2);
  assert.deepEqual(seriesCounts(fake), [2]);
});

test('another process does not repeat what an Event says already, and goes on counting', async (t) => {
  const fake = await startFake(t);
  const first = new Recorder(t, fake);
  first.events.setStanding([notice('a')]);
  first.lead();
  await eventuallyTrue(() => first.count('ok') === 1);
  await first.stop();
  const [before] = stored(fake);
  const second = new Recorder(t, fake);
  second.events.setStanding([notice('a')]);
  second.lead();
  // Read, and nothing else under way.
  await eventuallyTrue(() => fake.requests.some(({ method }) => method === 'GET') && second.clock.pending === 1);
  await eventuallyTrue(() => !second.clock.isDueIn(4_000));
  assert.deepEqual(stored(fake), [before]);
  // By then the Event is half an hour old, give or take what this test took.
  second.clock.advanceTo(30 * MINUTE);
  await eventuallyTrue(() => second.count('ok') === 1);
  assert.equal(seriesCounts(fake)[0], 2);
});

test('a notice is written once, and not when it is old', async (t) => {
  const fake = await startFake(t);
  const recorder = new Recorder(t, fake);
  const sync = { type: 'Normal', reason: 'Sync' } as const;
  recorder.events.note(notice('early', sync));
  recorder.clock.advanceTo(2 * MINUTE);
  recorder.events.note(notice('late', sync));
  recorder.events.note(notice('late', sync));
  recorder.lead();
  await eventuallyTrue(() => recorder.count('ok') === 1);
  recorder.events.setStanding([]);
  recorder.events.note(notice('last', sync));
  await eventuallyTrue(() => recorder.count('ok') === 2);
  assert.deepEqual(new Set(stored(fake).map(({ note }) => note)), new Set(['late', 'last']));
});

test('a warning that something happened is no state: it is written once, whatever stands', async (t) => {
  const fake = await startFake(t);
  const recorder = new Recorder(t, fake);
  recorder.events.note(notice('aborted', { reason: 'CanaryAborted' }));
  recorder.events.setStanding([notice('a')]);
  recorder.lead();
  await eventuallyTrue(() => recorder.count('ok') === 2);
  recorder.events.setStanding([]);
  recorder.clock.advanceTo(40 * MINUTE);
  recorder.events.note(notice('last', { reason: 'CanaryAborted' }));
  await eventuallyTrue(() => recorder.count('ok') === 3);
  assert.deepEqual(new Set(stored(fake).map(({ note }) => note)), new Set(['aborted', 'a', 'last']));
});

test('a note is cut to what the server takes, between characters, and holds no control characters', async (t) => {
  const fake = await startFake(t);
  const recorder = new Recorder(t, fake);
  recorder.events.setStanding([notice(`a${'ü'.repeat(1_000)}`), notice('line\nand \u001b[31mcolour')]);
  recorder.lead();
  await eventuallyTrue(() => recorder.count('ok') === 2);
  const notes = stored(fake).map(({ note }) => String(note));
  const long = notes.find((note) => note.startsWith('aü')) ?? '';
  assert.ok(Buffer.byteLength(long) <= 1024 && Buffer.byteLength(long) > 1015, `${Buffer.byteLength(long)} bytes`);
  assert.match(long, /ü…$/);
  assert.ok(notes.includes('line\\nand \\x1b[31mcolour'));
});

test('the name of an Event about an object with a very long name is one', async (t) => {
  const fake = await startFake(t);
  const recorder = new Recorder(t, fake);
  const name = `${'a'.repeat(235)}.${'b'.repeat(17)}`;
  recorder.events.setStanding([notice('a', { subject: { ...notice('').subject, name } })]);
  recorder.lead();
  await eventuallyTrue(() => recorder.count('ok') === 1);
  const written = stored(fake)[0]?.metadata.name ?? '';
  assert.match(written, /^a{235}\.[0-9a-f]{16}$/);
});

test('so many are written a second, however much there is to say', async (t) => {
  const fake = await startFake(t);
  const recorder = new Recorder(t, fake, { rate: { perSecond: 10, burst: 5 } });
  recorder.events.setStanding(Array.from({ length: 40 }, (_, at) => notice(`n${at}`)));
  recorder.lead();
  await eventuallyTrue(() => recorder.count('ok') === 5 && recorder.clock.isDueIn(100));
  for (let at = 6; at <= 15; at++) {
    recorder.clock.advanceTo(recorder.clock.nowMs() + 100);
    await eventuallyTrue(() => recorder.count('ok') === at && recorder.clock.isDueIn(100));
  }
  assert.equal(stored(fake).length, 15);
  // What is true no more need not be told.
  recorder.events.setStanding([]);
  recorder.clock.advanceTo(recorder.clock.nowMs() + MINUTE);
  assert.equal(stored(fake).length, 15);
});

test('a namespace that is being deleted takes no Events, and that is no missing right', async (t) => {
  const fake = await startFake(t);
  const recorder = new Recorder(t, fake);
  const text = JSON.stringify({
    kind: 'Status',
    reason: 'Forbidden',
    message: 'unable to create new content in namespace shop because it is being terminated',
  });
  fake.faults.push({ method: 'POST' }, { kind: 'status', code: 403, text });
  recorder.events.setStanding([notice('a'), notice('b')]);
  recorder.lead();
  await eventuallyTrue(() => recorder.count('gone') === 1 && recorder.count('ok') === 1);
  assert.deepEqual(recorder.logger.lines, []);
});

test('a missing right is named once and asked for again', async (t) => {
  const fake = await startFake(t);
  fake.denials = [{ plural: 'events', verb: 'create' }];
  const recorder = new Recorder(t, fake);
  recorder.events.setStanding([notice('a'), notice('b')]);
  recorder.lead();
  for (let attempt = 1; attempt <= 3; attempt++) {
    await eventuallyTrue(() => recorder.count('denied') === attempt && recorder.clock.pending > 0);
    recorder.clock.advanceTo(recorder.clock.nowMs() + 30_000);
  }
  const errors = recorder.logger.lines.filter(({ level }) => level === 'error');
  assert.equal(errors.length, 1);
  assert.match(String(errors[0]?.fields['problem']), /403.*forbidden.*grant get, create and patch on events/);
  fake.denials = [];
  await eventuallyTrue(() => {
    recorder.clock.advanceTo(recorder.clock.nowMs() + 1_000);
    return recorder.count('ok') === 2;
  });
});
