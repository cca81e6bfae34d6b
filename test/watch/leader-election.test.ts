/** Elections over a Lease: one leader at a time, whatever fails, and never one that only believes so. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import { type Clock, systemClock } from '../../src/watch/clock.ts';
import { KubeClient } from '../../src/watch/kube-client.ts';
import { DEFAULT_ELECTION_TIMING, LeaderElection, type Term } from '../../src/watch/leader-election.ts';
import { WriteCounts } from '../../src/watch/write-counts.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { FakeApiServer, type SeenRequest } from '../support/fake-apiserver/server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const LEASE = '/apis/coordination.k8s.io/v1/namespaces/edge/leases/sluice-leader';

interface Candidate {
  readonly election: LeaderElection;
  readonly logger: RecordingLogger;
  readonly counts: WriteCounts;
  readonly terms: readonly Term[];
  stop(): Promise<void>;
}

async function startFake(t: TestContext): Promise<FakeApiServer> {
  const fake = await FakeApiServer.start();
  t.after(async () => {
    await fake.close();
    assert.deepEqual(fake.unknownRequests, []);
  });
  return fake;
}

function start(t: TestContext, fake: FakeApiServer, identity: string, clock: Clock = systemClock): Candidate {
  const kubeconfig = fake.writeKubeconfig();
  const client = new KubeClient({ kubeconfig, logger: NULL_LOGGER, userAgent: 'sluice/test', env: {} });
  const logger = new RecordingLogger();
  const counts = new WriteCounts();
  const terms: Term[] = [];
  const election = new LeaderElection({
    client,
    name: 'sluice-leader',
    namespace: 'edge',
    identity,
    lead: async (term) => {
      terms.push(term);
      await new Promise<void>((resolve) => {
        term.signal.addEventListener('abort', () => resolve());
      });
    },
    counts,
    logger,
    clock,
    random: () => 0,
    timing: DEFAULT_ELECTION_TIMING,
  });
  const end = new AbortController();
  const running = election.run(end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await running;
    client.close();
  };
  t.after(stop);
  return { election, logger, counts, terms, stop };
}

function leaseSpec(fake: FakeApiServer): Record<string, unknown> {
  return fake.list('leases')[0]?.spec as Record<string, unknown>;
}

function putLease(fake: FakeApiServer, spec: Record<string, unknown>): void {
  fake.put('leases', { metadata: { name: 'sluice-leader', namespace: 'edge' }, spec });
}

/** When an attempt is over, the next one is scheduled. */
async function step(clock: FakeClock, ms: number, pauseMs: number = ms): Promise<void> {
  await eventuallyTrue(() => clock.isDueIn(pauseMs));
  clock.advanceTo(clock.nowMs() + ms);
}

async function requests(fake: FakeApiServer, count: number, wanted: (seen: SeenRequest) => boolean): Promise<void> {
  await eventuallyTrue(() => fake.requests.filter(wanted).length >= count);
}

const isPut = ({ method }: SeenRequest): boolean => method === 'PUT';
const isGet = ({ method }: SeenRequest): boolean => method === 'GET';

function knowsTheLeader({ logger }: Candidate): boolean {
  return logger.messages().includes('leading') || logger.messages().includes('following');
}

test('of three candidates exactly one leads, and the others know whom they follow', async (t) => {
  const fake = await startFake(t);
  const candidates = ['a', 'b', 'c'].map((identity) => start(t, fake, identity));
  await eventuallyTrue(() => candidates.some(({ election }) => election.isLeader));
  // Who lost the race for creating it finds out at its next attempt.
  await requests(fake, 5, isGet);
  await eventuallyTrue(() => candidates.every(knowsTheLeader));
  assert.equal(candidates.filter(({ election }) => election.isLeader).length, 1);
  assert.equal(candidates.flatMap(({ terms }) => terms).length, 1);
});

test('a lease that nobody has is created, renewed without reading, and given back at the end', async (t) => {
  const fake = await startFake(t);
  const clock = new FakeClock();
  const candidate = start(t, fake, 'a', clock);
  await eventuallyTrue(() => candidate.election.isLeader);
  const { acquireTime, renewTime, ...created } = leaseSpec(fake);
  assert.deepEqual(created, { holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 });
  assert.equal(acquireTime, renewTime);
  await step(clock, 2_000);
  await requests(fake, 1, isPut);
  assert.equal(fake.requests.filter(isGet).length, 1);
  await eventuallyTrue(() => candidate.counts.list()[0]?.count === 2);
  await candidate.stop();
  assert.ok(candidate.terms[0]?.signal.aborted);
  const { holderIdentity, leaseDurationSeconds, leaseTransitions } = leaseSpec(fake);
  assert.deepEqual(
    { holderIdentity, leaseDurationSeconds, leaseTransitions },
    { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 },
  );
});

test('a lease that was given back is taken at the next attempt', async (t) => {
  const fake = await startFake(t);
  putLease(fake, { holderIdentity: '', leaseDurationSeconds: 15, leaseTransitions: 4 });
  const candidate = start(t, fake, 'b', new FakeClock());
  await eventuallyTrue(() => candidate.election.isLeader);
  assert.equal(leaseSpec(fake)['leaseTransitions'], 5);
});

test('a candidate waits by its own clock, however old the lease says it is', async (t) => {
  const fake = await startFake(t);
  const clock = new FakeClock();
  const spec = { holderIdentity: 'gone', leaseDurationSeconds: 5, leaseTransitions: 1 };
  putLease(fake, { ...spec, renewTime: '1999-01-01T00:00:00.000000Z' });
  const candidate = start(t, fake, 'b', clock);
  await requests(fake, 1, isGet);
  await eventuallyTrue(() => candidate.logger.messages().includes('following'));
  await step(clock, 2_000);
  await requests(fake, 2, isGet);
  // The holder is alive after all: the wait begins anew.
  putLease(fake, { ...spec, renewTime: '1999-01-01T00:00:02.000000Z' });
  for (let attempt = 3; attempt <= 5; attempt++) {
    await step(clock, 2_000);
    await requests(fake, attempt, isGet);
  }
  assert.equal(fake.requests.filter(isPut).length, 0);
  await step(clock, 2_000);
  await eventuallyTrue(() => candidate.election.isLeader);
  assert.equal(leaseSpec(fake)['holderIdentity'], 'b');
});

test('a lease that claims to last for years is waited for ten minutes', async (t) => {
  const fake = await startFake(t);
  const clock = new FakeClock();
  putLease(fake, { holderIdentity: 'mad', leaseDurationSeconds: 2_000_000_000 });
  const candidate = start(t, fake, 'b', clock);
  await eventuallyTrue(() => candidate.logger.messages().includes('following'));
  await step(clock, 600_001, 2_000);
  await eventuallyTrue(() => candidate.election.isLeader);
});

test('a leader that cannot renew stops leading before its lease ends, and leads again', async (t) => {
  const fake = await startFake(t);
  const clock = new FakeClock();
  const candidate = start(t, fake, 'a', clock);
  await eventuallyTrue(() => candidate.election.isLeader);
  const [term] = candidate.terms;
  await fake.goAway();
  const failures = (): number => candidate.logger.messages().filter((each) => each === 'leader election failed').length;
  for (let attempt = 1; attempt <= 4; attempt++) {
    await step(clock, 2_000);
    await eventuallyTrue(() => failures() >= attempt);
  }
  assert.ok(term?.holds());
  await step(clock, 1_999, 2_000);
  assert.ok(term?.holds());
  clock.advanceTo(10_000);
  assert.ok(term?.signal.aborted);
  assert.ok(!term?.holds());
  assert.ok(!candidate.election.isLeader);
  await fake.listen();
  await eventuallyTrue(() => {
    clock.advanceTo(clock.nowMs() + 10);
    return candidate.election.isLeader;
  });
  assert.equal(candidate.terms.length, 2);
  assert.equal(leaseSpec(fake)['leaseTransitions'], 0);
});

test('a leader whose timers do not run knows all the same when its time is over', async (t) => {
  const fake = await startFake(t);
  let nowMs = 0;
  const stalled: Clock = { nowMs: () => nowMs, schedule: () => () => {} };
  const candidate = start(t, fake, 'a', stalled);
  await eventuallyTrue(() => candidate.election.isLeader);
  nowMs = 9_999;
  assert.ok(candidate.terms[0]?.holds());
  nowMs = 10_000;
  assert.ok(!candidate.terms[0]?.holds());
  assert.ok(!candidate.election.isLeader);
});

test('a leader that finds another holder stops at once', async (t) => {
  const fake = await startFake(t);
  const clock = new FakeClock();
  const candidate = start(t, fake, 'a', clock);
  await eventuallyTrue(() => candidate.election.isLeader);
  putLease(fake, { ...leaseSpec(fake), holderIdentity: 'usurper' });
  await step(clock, 2_000);
  await eventuallyTrue(() => candidate.terms[0]?.signal.aborted === true);
  assert.ok(
    candidate.logger.lines.some(
      ({ message, fields }) => message === 'leadership lost' && String(fields['reason']).includes('usurper'),
    ),
  );
  assert.equal(leaseSpec(fake)['holderIdentity'], 'usurper');
});

test('a renewal that meets a foreign change of the object is repeated, and leading goes on', async (t) => {
  const fake = await startFake(t);
  const clock = new FakeClock();
  const candidate = start(t, fake, 'a', clock);
  await eventuallyTrue(() => candidate.election.isLeader);
  const { metadata, spec } = fake.list('leases')[0] ?? { metadata: { name: '' } };
  fake.put('leases', { metadata: { ...metadata, labels: { touched: 'yes' } }, spec });
  await step(clock, 2_000);
  await requests(fake, 2, isPut);
  await eventuallyTrue(() => candidate.counts.list().some(({ result, count }) => result === 'ok' && count === 2));
  assert.ok(candidate.election.isLeader);
  assert.equal(candidate.terms.length, 1);
  // What a newer server or a person put there is kept.
  assert.deepEqual(fake.list('leases')[0]?.metadata.labels, { touched: 'yes' });
});

for (const method of ['POST', 'PUT']) {
  test(`a ${method} whose answer was lost is recognised as our own`, async (t) => {
    const fake = await startFake(t);
    if (method === 'PUT') putLease(fake, { holderIdentity: '', leaseDurationSeconds: 1 });
    const clock = new FakeClock();
    fake.faults.push({ method }, { kind: 'lost-answer' });
    const candidate = start(t, fake, 'a', clock);
    await eventuallyTrue(() => candidate.logger.messages().includes('leader election failed'));
    await step(clock, 2_000);
    await eventuallyTrue(() => candidate.election.isLeader);
    assert.equal(candidate.terms.length, 1);
  });
}

test('without the rights it says once what is missing, goes on trying, and leads when it may', async (t) => {
  const fake = await startFake(t);
  const clock = new FakeClock();
  fake.denials = [{ plural: 'leases' }];
  const candidate = start(t, fake, 'a', clock);
  for (let attempt = 1; attempt <= 3; attempt++) {
    await requests(fake, attempt, isGet);
    await step(clock, 30_000);
  }
  const errors = candidate.logger.lines.filter(({ level }) => level === 'error');
  assert.equal(errors.length, 1);
  assert.match(
    String(errors[0]?.fields['problem']),
    /403.*forbidden.*traffic is served.*grant create on leases, and get and update on sluice-leader.*Role.*in edge/s,
  );
  fake.denials = [];
  await eventuallyTrue(() => {
    clock.advanceTo(clock.nowMs() + 1_000);
    return candidate.election.isLeader;
  });
  assert.ok(candidate.logger.messages().includes('leader election possible again'));
});

test('an API server that says when to come again is obeyed', async (t) => {
  const fake = await startFake(t);
  const clock = new FakeClock();
  fake.faults.push({ plural: 'leases' }, { kind: 'status', code: 429, retryAfterSeconds: 7, text: 'slow down' });
  const candidate = start(t, fake, 'a', clock);
  await eventuallyTrue(() => candidate.logger.messages().includes('leader election failed'));
  await step(clock, 6_999, 7_000);
  assert.equal(fake.requests.filter(({ path }) => path === LEASE).length, 1);
  clock.advanceTo(7_000);
  await eventuallyTrue(() => candidate.election.isLeader);
});
