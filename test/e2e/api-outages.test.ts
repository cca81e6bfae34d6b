/**
 * The way to the API server fails, and what the server allows and remembers changes: no request fails, and no change is
 * lost. A server that crashes is in `controller-traffic.test.ts`, one that is away at the start in `cold-start.test.ts`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { ConfigDump } from '../../src/admin/dump-config.ts';
import { ApiRelay } from '../support/api-relay.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { E2E_NAMESPACE } from '../support/e2e-manifests.ts';
import { SteadyTraffic } from '../support/e2e-traffic.ts';
import type { KubeObject } from '../support/kube-objects.ts';

const HOST = 'shop.example';
const ACCOUNT = 'sluice';
const ROLE = 'sluice';
/** Of the reference page: a watch that is silent for longer is given up. */
const SILENCE_LIMIT_MS = 90_000;
/** For one more round trip and a change to be applied, on a machine that is busy. */
const MARGIN_MS = 20_000;

const ROLE_RULES = [
  { apiGroups: [''], resources: ['services', 'endpoints', 'secrets'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: ['get', 'list', 'watch'] },
];

function hasHost({ routes }: ConfigDump, host: string): boolean {
  return routes.some((route) => route.host === host);
}

/** What is served, whoever found out how. */
function servedBy({ routes, upstreams }: ConfigDump): unknown {
  return {
    routes: routes.map(({ host, path, split }) => ({ host, path, split })),
    upstreams: upstreams.map(({ id, endpoints }) => ({
      id,
      endpoints: endpoints.map(({ address, port }) => `${address} ${port}`).toSorted(),
    })),
  };
}

async function assertUnharmed(traffic: SteadyTraffic, t: TestContext): Promise<void> {
  const { requests, failures, examples, reconnects } = await traffic.stop();
  t.diagnostic(`${requests} requests, ${failures} failures, ${reconnects} connections closed`);
  assert.deepEqual({ failures, examples, reconnects }, { failures: 0, examples: [], reconnects: 0 });
}

async function errors(controller: ControllerProcess, code: string): Promise<number> {
  const { resources } = await controller.readiness();
  return resources.reduce((sum, resource) => sum + (resource.errors[code] ?? 0), 0);
}

function load(t: TestContext, controller: ControllerProcess): SteadyTraffic {
  const client = { port: controller.httpPort, host: HOST, path: '/' };
  const traffic = new SteadyTraffic([client, client, { ...client, keepAlive: false }]);
  t.after(() => traffic.stop());
  return traffic;
}

describe('outages of the api server', { skip: e2eSkip }, () => {
  let cluster: E2eCluster;
  let relay: ApiRelay;
  let token: string;

  /** Lets the account of the controller read what it needs, everywhere. */
  async function grant(): Promise<void> {
    await cluster.objects.create('clusterrolebindings', {
      metadata: { name: ROLE },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: ROLE },
      subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: E2E_NAMESPACE }],
    });
  }

  async function createAccount(): Promise<void> {
    const account: KubeObject = { metadata: { name: ACCOUNT, namespace: E2E_NAMESPACE } };
    await cluster.objects.create('serviceaccounts', account);
    token = await cluster.objects.createToken(E2E_NAMESPACE, ACCOUNT);
  }

  function kubeconfig(): string {
    return cluster.env.kubeconfigFor(ACCOUNT, token, relay.url);
  }

  /** A controller on the other side of the relay. */
  async function start(t: TestContext): Promise<ControllerProcess> {
    const controller = await cluster.controller(['--workers', '1'], kubeconfig());
    t.after(() => controller.kill());
    // A new server may take a moment to grant what it will grant.
    await controller.untilRunning((config) => hasHost(config, HOST) && config.problems.length === 0);
    return controller;
  }

  before(async () => {
    cluster = await E2eCluster.start();
    relay = await ApiRelay.start(cluster.env.url);
    await cluster.objects.create('clusterroles', { metadata: { name: ROLE }, rules: ROLE_RULES });
    await grant();
    await createAccount();
    await cluster.service('web');
    await cluster.service('next');
    await cluster.createIngress('shop', { host: HOST, paths: { '/': 'web' } });
    await cluster.createIngress('doomed', { host: 'doomed.example', paths: { '/': 'next' } });
  });

  after(async () => {
    await cluster?.stop();
    await relay?.shut();
  });

  test('the history is compacted while the controller is away: it ends up with what a fresh list says', async (t) => {
    const controller = await start(t);
    const traffic = load(t, controller);
    const pod = await cluster.pod('third');
    await relay.shut();
    await controller.log('kubernetes api cannot be used, keeping what is known');
    // Of every kind: created, changed, deleted, deleted and created anew.
    await cluster.createIngress('created', { host: 'created.example', paths: { '/': 'web' } });
    await cluster.changeIngress('shop', { host: HOST, paths: { '/': 'web', '/next': 'next' } });
    await cluster.deleteIngress('doomed');
    await cluster.createIngress('doomed', { host: 'again.example', paths: { '/': 'web' } });
    await cluster.scale('next', [pod]);
    await cluster.env.compact();
    // What the server remembers beyond its database goes with it.
    await cluster.env.killApiServer();
    cluster.env.restartApiServer();
    await cluster.env.ready();
    await relay.open();
    await controller.untilRunning((config) => hasHost(config, 'created.example') && hasHost(config, 'again.example'));
    const fresh = await start(t);
    const wanted = servedBy(await fresh.running());
    await controller.untilRunning((config) => JSON.stringify(servedBy(config)) === JSON.stringify(wanted));
    assert.ok((await errors(controller, '410')) > 0, 'the server still knew the history');
    await assertUnharmed(traffic, t);
  });

  test('rights are taken away and given back', async (t) => {
    const controller = await start(t);
    const traffic = load(t, controller);
    await cluster.objects.delete('clusterrolebindings', '', ROLE);
    // Rights are looked at when a request begins: streams go on without them.
    relay.cut();
    await controller.untilRunning(
      ({ problems }) =>
        new Set(problems.filter(({ code }) => code === 'resource-denied').map(({ source }) => source.kind)).size >= 4,
    );
    assert.equal((await controller.admin('/readyz')).status, 200);
    await cluster.createIngress('granted', { host: 'granted.example', paths: { '/': 'web' } });
    await traffic.more(100);
    assert.ok(!hasHost(await controller.running(), 'granted.example'));
    await grant();
    await controller.untilRunning((config) => hasHost(config, 'granted.example') && config.problems.length === 0);
    await assertUnharmed(traffic, t);
  });

  test('the token is rotated: the old one is refused, the new one is found', async (t) => {
    const controller = await start(t);
    const traffic = load(t, controller);
    const old = token;
    // With another uid, whatever was signed for the one before is void.
    await cluster.objects.delete('serviceaccounts', E2E_NAMESPACE, ACCOUNT);
    await createAccount();
    // The server remembers for some seconds whom it let in.
    await eventually(
      () => cluster.objects.statusFor(old, '/api/v1/services'),
      (status) => status === 401,
    );
    kubeconfig();
    relay.cut();
    await eventually(
      () => errors(controller, '401'),
      (count) => count > 0,
    );
    await cluster.createIngress('rotated', { host: 'rotated.example', paths: { '/': 'web' } });
    await controller.untilRunning((config) => hasHost(config, 'rotated.example'));
    await assertUnharmed(traffic, t);
  });

  test('connections that go silent are noticed within the documented time', async (t) => {
    const controller = await start(t);
    const client = load(t, controller);
    await client.more(10);
    await assertUnharmed(client, t);
    relay.blackHole();
    const from = controller.logs.length;
    const startedMs = performance.now();
    await cluster.createIngress('silent', { host: 'silent.example', paths: { '/': 'web' } });
    await controller.log('configuration applied', from, SILENCE_LIMIT_MS + MARGIN_MS);
    await controller.untilRunning((config) => hasHost(config, 'silent.example'));
    const tookMs = performance.now() - startedMs;
    t.diagnostic(`a change behind silent connections was in force after ${Math.round(tookMs)} ms`);
    assert.ok(tookMs > MARGIN_MS, 'the connections were not silent');
  });
});
