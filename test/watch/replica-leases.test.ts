/** Figures on their way from replicas to the leader: told while there is something to tell, heard as long as somebody speaks. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import { formatReplicaFigures, type ReplicaFigures } from '../../src/model/replica-figures.ts';
import { KubeClient } from '../../src/watch/kube-client.ts';
import { DEFAULT_REPLICA_TIMING, ReplicaLeases } from '../../src/watch/replica-leases.ts';
import { WriteCounts } from '../../src/watch/write-counts.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { FakeApiServer } from '../support/fake-apiserver/server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { figures, side } from '../support/release.ts';

const ROW: ReplicaFigures = { revision: 'a1', step: 0, figures: figures(side(90, 0), side(10, 0)), stopped: '' };
const { tellMs, listMs, silentMs, forgetMs, deniedRetryMs } = DEFAULT_REPLICA_TIMING;

class Side {
  readonly leases: ReplicaLeases;
  readonly logger: RecordingLogger = new RecordingLogger();
  leads: boolean;
  readonly #client: KubeClient;
  readonly #end = new AbortController();
  readonly #running: Promise<void>;

  constructor(fake: FakeApiServer, clock: FakeClock, leads: boolean) {
    const kubeconfig = fake.writeKubeconfig();
    this.#client = new KubeClient({ kubeconfig, logger: NULL_LOGGER, userAgent: 'sluice/test', env: {} });
    this.leads = leads;
    this.leases = new ReplicaLeases({
      client: this.#client,
      namespace: 'sluice',
      electionId: 'sluice-leader',
      identity: `pod_${leads ? 'a' : 'b'}`,
      isLeader: () => this.leads,
      counts: new WriteCounts(),
      logger: this.logger,
      clock,
      timing: DEFAULT_REPLICA_TIMING,
    });
    this.#running = this.leases.run(this.#end.signal);
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#running;
    this.#client.close();
  }
}

interface Fixture {
  readonly fake: FakeApiServer;
  readonly clock: FakeClock;
  readonly leader: Side;
  readonly other: Side;
  readonly names: () => readonly string[];
  /** Lets time pass until something is so. */
  readonly until: (stepMs: number, holds: () => boolean) => Promise<void>;
}

async function start(t: TestContext): Promise<Fixture> {
  const fake = await FakeApiServer.start();
  const clock = new FakeClock();
  const leader = new Side(fake, clock, true);
  const other = new Side(fake, clock, false);
  t.after(async () => {
    await Promise.all([leader.stop(), other.stop()]);
    await fake.close();
    assert.deepEqual(fake.unknownRequests, []);
  });
  return {
    fake,
    clock,
    leader,
    other,
    names: () => fake.list('leases').map(({ metadata }) => metadata.name),
    until: (stepMs, holds) =>
      eventuallyTrue(() => {
        if (holds()) return true;
        // The work is done, and a pause of this length has just begun.
        if (clock.isDueIn(stepMs)) clock.advanceTo(clock.nowMs() + stepMs);
        return false;
      }),
  };
}

test('nothing is written while there is nothing to tell', async (t) => {
  const { fake, clock, leader, other } = await start(t);
  leader.leases.tell([]);
  other.leases.tell([]);
  clock.advanceTo(60_000);
  assert.equal(fake.requests.length, 0);
  assert.deepEqual(leader.leases.heard(), []);
});

test('the leader hears what another replica tells, and both leave nothing behind', async (t) => {
  const { fake, leader, other, names, until } = await start(t);
  other.leases.tell([ROW]);
  await eventuallyTrue(() => names().length === 1);
  leader.leases.tell([ROW]);
  await until(listMs, () => leader.leases.heard().length === 1);
  assert.deepEqual(leader.leases.heard(), [ROW]);
  assert.deepEqual(other.leases.heard(), []);
  const [lease] = fake.list('leases');
  assert.match(lease?.metadata.name ?? '', /^sluice-leader-[0-9a-f]{16}$/);
  const more = { ...ROW, figures: figures(side(900, 0), side(100, 0)) };
  other.leases.tell([more]);
  await until(tellMs, () => JSON.stringify(fake.list('leases')).includes('900'));
  await until(listMs, () => leader.leases.heard()[0]?.figures.stable.requests === 900);
  other.leases.tell([]);
  await eventuallyTrue(() => names().length === 0);
});

test('a stop is told at once', async (t) => {
  const { fake, other, names } = await start(t);
  other.leases.tell([ROW]);
  await eventuallyTrue(() => names().length === 1);
  other.leases.tell([{ ...ROW, stopped: 'errors' }]);
  await eventuallyTrue(() => JSON.stringify(fake.list('leases')).includes('errors'));
});

test('who is silent is left out and counted, and its lease is deleted in the end', async (t) => {
  const { fake, clock, leader, names, until } = await start(t);
  const annotations = { 'sluice.dev/release-figures': formatReplicaFigures([ROW]) };
  const labels = { 'sluice.dev/release-figures': 'sluice-leader' };
  const metadata = { name: 'sluice-leader-dead', namespace: 'sluice', labels, annotations };
  fake.put('leases', { metadata, spec: { holderIdentity: 'dead', leaseDurationSeconds: 15 } });
  fake.put('leases', { metadata: { ...metadata, name: 'other', labels: {} }, spec: { leaseDurationSeconds: 15 } });
  leader.leases.tell([ROW]);
  await eventuallyTrue(() => leader.leases.heard().length === 1);
  assert.equal(leader.leases.silent(), 0);
  const heardMs = clock.nowMs();
  await until(listMs, () => leader.leases.silent() === 1);
  assert.deepEqual(leader.leases.heard(), []);
  assert.ok(clock.nowMs() - heardMs > silentMs);
  await until(listMs, () => names().join() === 'other');
  assert.ok(clock.nowMs() - heardMs > forgetMs);
});

test('without the right to leases it says once what to grant, and tries again', async (t) => {
  const { fake, other, names, until } = await start(t);
  fake.denials.push({ plural: 'leases' });
  other.leases.tell([ROW]);
  const said = (): number =>
    other.logger.messages().filter((text) => text === 'figures of releases cannot be exchanged').length;
  await eventuallyTrue(() => said() === 1);
  const line = other.logger.lines.find(({ level }) => level === 'error');
  assert.match(JSON.stringify(line?.fields), /grant create, list, patch and delete on leases/);
  fake.denials.length = 0;
  await until(deniedRetryMs, () => names().length === 1);
  assert.equal(said(), 1);
});
