/**
 * Plans on a real API server, with no more rights than the documents ask for: several replicas, one of which takes the steps,
 * and what becomes of a plan when that one is killed or the API server is away.
 */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { DumpedRelease, ReleasesDump } from '../../src/admin/dump-releases.ts';
import { parseReleaseState } from '../../src/model/release-state.ts';
import { ApiRelay } from '../support/api-relay.ts';
import { createAccount } from '../support/e2e-account.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { canaryAnnotations, E2E_NAMESPACE } from '../support/e2e-manifests.ts';
import type { Pod } from '../support/e2e-pod.ts';
import { SteadyTraffic } from '../support/e2e-traffic.ts';

const PLAN = 'sluice.dev/canary-plan';
const COMMAND = 'sluice.dev/canary-command';
const STATE = 'sluice.dev/canary-state';
const GATES = { 'sluice.dev/canary-gates': 'errors <= +1%, requests >= 20' };
const ARGS = ['--workers', '1'];
/** Of each client: many times what the gates ask for, and time for all the other processes of a long test. */
const BETWEEN_REQUESTS_MS = 10;

/** `<phase> <step>`, or nothing. */
function stageOf({ state }: Pick<DumpedRelease, 'state'>): string {
  return state === null ? '' : `${state.phase} ${state.step}`;
}

async function status(controller: ControllerProcess): Promise<DumpedRelease> {
  const known = await eventually(
    async () => JSON.parse((await controller.admin('/debug/releases')).text) as ReleasesDump,
    ({ count }) => count === 1,
  );
  return known.releases[0] as DumpedRelease;
}

async function decides(controller: ControllerProcess): Promise<boolean> {
  return (JSON.parse((await controller.admin('/debug/releases')).text) as ReleasesDump).decides;
}

function load(t: TestContext, ...controllers: readonly ControllerProcess[]): SteadyTraffic {
  const clients = controllers.map(({ httpPort: port }) => ({
    port,
    host: 'shop.example',
    path: '/',
    pauseMs: BETWEEN_REQUESTS_MS,
  }));
  const traffic = new SteadyTraffic([...clients, ...clients]);
  t.after(() => traffic.stop());
  return traffic;
}

async function untilStage(controller: ControllerProcess, stage: string): Promise<DumpedRelease> {
  return eventually(
    () => status(controller),
    (release) => stageOf(release) === stage,
  );
}

describe('release plans', { skip: e2eSkip }, () => {
  let cluster: E2eCluster;
  let relay: ApiRelay;
  let kubeconfig: string;
  let next: Pod;

  async function replica(t: TestContext): Promise<ControllerProcess> {
    const controller = await cluster.controller(ARGS, kubeconfig);
    // The lease is given back, and the next test need not wait for its end.
    t.after(async () => {
      controller.signal('SIGTERM');
      await controller.exited();
    });
    await controller.untilRunning(({ routes }) => routes.some(({ host }) => host === 'shop.example'));
    return controller;
  }

  /** Two of them, the leader first. */
  async function replicas(t: TestContext): Promise<readonly [ControllerProcess, ControllerProcess]> {
    const both = [await replica(t), await replica(t)] as const;
    await eventually(
      () => Promise.all(both.map(decides)),
      (leading) => leading.includes(true),
    );
    return (await decides(both[0])) ? both : [both[1], both[0]];
  }

  /** As it stands in the object. */
  async function storedStage(): Promise<string> {
    const { metadata } = await cluster.objects.get('ingresses', E2E_NAMESPACE, 'canary');
    const parsed = parseReleaseState(metadata.annotations?.[STATE] ?? '');
    return 'value' in parsed ? stageOf({ state: { ...parsed.value, beganAt: '', changedAt: '' } }) : '';
  }

  async function begin(t: TestContext, plan: string): Promise<void> {
    next.failing = false;
    const annotations = { ...canaryAnnotations({}), ...GATES, [PLAN]: plan };
    await cluster.createIngress('canary', { host: 'shop.example', paths: { '/': 'next' }, annotations });
    t.after(() => cluster.deleteIngress('canary'));
  }

  async function command(text: string | null): Promise<void> {
    const patch = { metadata: { annotations: { [COMMAND]: text } } };
    await cluster.objects.patch('ingresses', E2E_NAMESPACE, 'canary', patch);
  }

  async function leases(): Promise<readonly string[]> {
    const all = await cluster.objects.list('leases', E2E_NAMESPACE);
    return all.map(({ metadata }) => metadata.name).toSorted();
  }

  before(async () => {
    cluster = await E2eCluster.start();
    relay = await ApiRelay.start(cluster.env.url);
    kubeconfig = await createAccount(cluster, 'sluice', { mayElect: true, server: relay.url });
    await cluster.service('web');
    next = await cluster.service('next');
    await cluster.createIngress('shop', { host: 'shop.example', paths: { '/': 'web' } });
  });

  after(async () => {
    await cluster?.stop();
    await relay?.shut();
  });

  test('a plan goes to its end on what another replica than the leader counted, told in Events', async (t) => {
    const [leader, follower] = await replicas(t);
    const traffic = load(t, follower);
    await begin(t, '20%/2s, 50%/2s, 100%');
    await untilStage(leader, 'running 0');
    await untilStage(follower, 'running 0');
    await eventually(leases, (names) => names.length === 2);
    const { replicas: counted, sides } = await eventually(
      () => status(leader),
      (release) => release.replicas.counted === 1,
    );
    assert.deepEqual(counted, { counted: 1, silent: 0 });
    assert.equal(sides.canary.totalRequests, 0);
    await untilStage(leader, 'completed 2');
    const { percent, stored } = await untilStage(follower, 'completed 2');
    assert.deepEqual([percent, stored, await storedStage()], [100, true, 'completed 2']);
    const { failures, examples } = await traffic.stop();
    assert.deepEqual([failures, examples], [0, []]);
    const events = await eventually(
      () => cluster.objects.list('events', E2E_NAMESPACE),
      (all) => all.filter(({ reason }) => String(reason).startsWith('Canary')).length >= 3,
    );
    const told = events.filter(({ reason }) => String(reason).startsWith('Canary'));
    assert.deepEqual(
      told.map(({ type, reason, note }) => `${String(type)} ${String(reason)}: ${String(note)}`).toSorted(),
      [
        'Normal CanaryCompleted: step 3 of 3, 100 %',
        'Normal CanaryStarted: step 1 of 3, 20 %',
        'Normal CanaryStepped: step 2 of 3, 50 %',
      ],
    );
    // Nobody has anything left to tell.
    await eventually(leases, (names) => names.length === 1);
  });

  test('commands in annotations are obeyed by all replicas', async (t) => {
    const [leader, follower] = await replicas(t);
    await begin(t, '20%/10m, 50%/10m, 100%/10m');
    await untilStage(follower, 'running 0');
    await command('pause');
    await untilStage(follower, 'paused 0');
    await command('promote 2');
    await untilStage(follower, 'running 1');
    await command(null);
    await command('abort');
    for (const each of [leader, follower]) assert.equal((await untilStage(each, 'aborted 1')).percent, 0);
    await eventually(storedStage, (stage) => stage === 'aborted 1');
    await command(null);
    // Without its state it begins anew.
    const patch = { metadata: { annotations: { [STATE]: null } } };
    await cluster.objects.patch('ingresses', E2E_NAMESPACE, 'canary', patch);
    await untilStage(follower, 'running 0');
  });

  test('the leader is killed: the other replica goes on from the same step', async (t) => {
    const [leader, follower] = await replicas(t);
    load(t, follower);
    await begin(t, '20%/2s, 50%/20s, 100%');
    await untilStage(follower, 'running 1');
    const known = await status(follower);
    await leader.kill();
    const killedMs = performance.now();
    await eventually(
      () => decides(follower),
      (leads) => leads,
    );
    t.diagnostic(`another replica decides ${Math.round(performance.now() - killedMs)} ms after SIGKILL of the leader`);
    const { state } = await status(follower);
    if (state?.step === 1) assert.deepEqual(state, known.state);
    await untilStage(follower, 'completed 2');
    assert.equal(await storedStage(), 'completed 2');
  });

  test('the api server is away: no step is taken, a bad canary is stopped by each replica, and stored when it is back', async (t) => {
    const both = await replicas(t);
    await begin(t, '20%/5s, 100%');
    for (const each of both) await untilStage(each, 'running 0');
    await relay.shut();
    // The step waits for requests: before the api server was away it could not be over.
    const traffic = load(t, ...both);
    // Much longer than the step has to last, and more requests than it has to see.
    const { heldMs } = await eventually(
      () => status(both[0]),
      (release) => release.heldMs > 15_000 && release.sides.canary.requests > 100,
    );
    assert.ok(heldMs > 15_000);
    for (const each of both) assert.equal(stageOf(await status(each)), 'running 0');
    next.failing = true;
    const failedMs = performance.now();
    const seen = traffic.report().failures;
    for (const each of both) {
      const { stored, percent, state } = await untilStage(each, 'aborted 0');
      assert.deepEqual([stored, percent], [false, 0]);
      assert.match(state?.reason ?? '', /^errors: /);
    }
    const failures = traffic.report().failures - seen;
    t.diagnostic(
      `both stopped it ${Math.round(performance.now() - failedMs)} ms after it went bad, users saw ${failures} failures`,
    );
    assert.equal(await storedStage(), 'running 0');
    await relay.open();
    await eventually(storedStage, (stage) => stage === 'aborted 0');
    for (const each of both) {
      await eventually(
        () => status(each),
        (release) => release.stored,
      );
    }
    await traffic.stop();
  });
});
