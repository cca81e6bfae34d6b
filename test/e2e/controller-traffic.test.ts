/** Changes of every kind, and a crash of the API server, under steady traffic: no request fails, no connection is closed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import https from 'node:https';
import { after, before, describe, type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import type { ConfigDump } from '../../src/admin/dump-config.ts';
import { makeCertificate } from '../support/e2e-certificate.ts';
import { HttpClient } from '../support/e2e-client.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import { CONTROLLER_ADDRESS, type ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { canaryAnnotations, E2E_NAMESPACE, type IngressOptions } from '../support/e2e-manifests.ts';
import type { Pod } from '../support/e2e-pod.ts';
import { SteadyTraffic } from '../support/e2e-traffic.ts';

/** Requests that pass between a change and the next one. */
const BETWEEN_CHANGES = 40;
const LOADED = 'loaded.example';
const SECURE = 'secure.example';
const OTHER = 'other.example';

function hasRoute({ routes }: ConfigDump, host: string, path: string): boolean {
  return routes.some((route) => route.host === host && route.path.value === path);
}

/** Undefined while the host has no canary. */
function canaryWeight({ routes }: ConfigDump, host: string): number | undefined {
  return routes.find((route) => route.host === host)?.split.canaries[0]?.weight;
}

function isServedBy({ upstreams }: ConfigDump, pods: readonly Pod[]): boolean {
  const { endpoints = [] } = upstreams.find(({ id }) => id === `${E2E_NAMESPACE}/web/80`) ?? {};
  return (
    endpoints.length === pods.length && pods.every((pod) => endpoints.some(({ address }) => address === pod.address))
  );
}

async function assertUnharmed(traffic: SteadyTraffic, t: TestContext): Promise<void> {
  const { requests, failures, examples, reconnects } = await traffic.stop();
  t.diagnostic(`${requests} requests, ${failures} failures, ${reconnects} connections closed`);
  assert.deepEqual({ failures, examples, reconnects }, { failures: 0, examples: [], reconnects: 0 });
}

function weighing(weight: number): IngressOptions {
  const annotations = canaryAnnotations({ 'canary-weight': String(weight) });
  return { host: LOADED, paths: { '/': 'next' }, annotations };
}

describe('configuration changes under traffic', { skip: e2eSkip }, () => {
  const first = makeCertificate(SECURE);
  let cluster: E2eCluster;
  let controller: ControllerProcess;
  let pods: Pod[];

  /** Six kept-alive clients in clear text, four over TLS, and one that comes anew for each request. */
  async function load(t: TestContext): Promise<SteadyTraffic> {
    const { httpPort, httpsPort } = controller;
    const clear = { port: httpPort, host: LOADED, path: '/' };
    const secure = { port: httpsPort, host: SECURE, path: '/', trust: first.cert };
    const kept = [...Array.from({ length: 6 }, () => clear), ...Array.from({ length: 4 }, () => secure)];
    const traffic = new SteadyTraffic([...kept, { ...clear, keepAlive: false }]);
    t.after(() => traffic.stop());
    await traffic.more(BETWEEN_CHANGES);
    return traffic;
  }

  /** Makes a change, waits until it is in force, and lets more requests pass. */
  async function under(traffic: SteadyTraffic, change: Promise<void>, inForce: (config: ConfigDump) => boolean) {
    await change;
    await controller.untilRunning(inForce);
    await traffic.more(BETWEEN_CHANGES);
  }

  before(async () => {
    cluster = await E2eCluster.start();
    pods = [await cluster.service('web'), await cluster.pod('web-too')];
    await cluster.scale('web', pods);
    await cluster.service('next');
    const secret = { metadata: { name: 'cert', namespace: E2E_NAMESPACE }, type: 'kubernetes.io/tls' };
    await cluster.objects.create('secrets', { ...secret, data: first.secretData });
    await cluster.createIngress('loaded', { host: LOADED, paths: { '/': 'web' } });
    await cluster.createIngress('secure', { host: SECURE, paths: { '/': 'web' }, tlsSecret: 'cert' });
    await cluster.createIngress('other', { host: OTHER, paths: { '/': 'web', '/extra': 'next' } });
    // Two, so that changes arrive in several workers.
    controller = await cluster.controller(['--workers', '2']);
  });

  after(async () => {
    await cluster?.stop();
  });

  test('paths beside the loaded one come and go, and other hosts change their names', async (t) => {
    const traffic = await load(t);
    const plain = { host: LOADED, paths: { '/': 'web' } };
    const extended = { host: LOADED, paths: { '/': 'web', '/new': 'next' } };
    for (let round = 0; round < 10; round++) {
      const renamed = `${round}.example`;
      await under(traffic, cluster.changeIngress('loaded', extended), (config) => hasRoute(config, LOADED, '/new'));
      await under(traffic, cluster.changeIngress('loaded', plain), (config) => !hasRoute(config, LOADED, '/new'));
      const rename = cluster.changeIngress('other', { host: renamed, paths: { '/': 'next' } });
      await under(traffic, rename, (config) => hasRoute(config, renamed, '/') && !hasRoute(config, OTHER, '/'));
      await under(traffic, cluster.deleteIngress('other'), (config) => !hasRoute(config, renamed, '/'));
      const again = cluster.createIngress('other', { host: OTHER, paths: { '/': 'web' } });
      await under(traffic, again, (config) => hasRoute(config, OTHER, '/'));
    }
    await assertUnharmed(traffic, t);
  });

  test('the certificate of the loaded host is replaced', async (t) => {
    const traffic = await load(t);
    for (let round = 0; round < 5; round++) {
      const { cert, fingerprint256, secretData } = round === 4 ? first : makeCertificate(SECURE);
      const change = cluster.objects.patch('secrets', E2E_NAMESPACE, 'cert', { data: secretData });
      await under(traffic, change, ({ certificates }) =>
        certificates.some(({ fingerprint }) => fingerprint === fingerprint256),
      );
      const newcomer = new HttpClient({ port: controller.httpsPort, host: SECURE, trust: cert, keepAlive: false });
      assert.equal((await newcomer.get('/')).fingerprint256, fingerprint256);
      newcomer.close();
    }
    await assertUnharmed(traffic, t);
  });

  test('pods are added, and removed ones shut down as soon as the api server knows of their end', async (t) => {
    const traffic = await load(t);
    for (let round = 0; round < 10; round++) {
      const added = await cluster.pod(`added-${round}`);
      await under(traffic, cluster.scale('web', [...pods, added]), (config) => isServedBy(config, [...pods, added]));
      // As in a rolling update: one at a time, without waiting until those who send to it know.
      const removed = pods.shift() as Pod;
      pods.push(added);
      await cluster.scale('web', pods);
      await removed.shutDown();
      await controller.untilRunning((config) => isServedBy(config, pods));
      await traffic.more(BETWEEN_CHANGES);
    }
    await assertUnharmed(traffic, t);
  });

  test('the weight of a canary changes', async (t) => {
    const traffic = await load(t);
    const create = cluster.createIngress('canary', weighing(0));
    await under(traffic, create, (config) => canaryWeight(config, LOADED) === 0);
    for (const weight of [5, 50, 100, 0, 25, 75, 100]) {
      const change = cluster.changeIngress('canary', weighing(weight));
      await under(traffic, change, (config) => canaryWeight(config, LOADED) === weight);
    }
    await under(traffic, cluster.deleteIngress('canary'), (config) => canaryWeight(config, LOADED) === undefined);
    await assertUnharmed(traffic, t);
  });

  test('websockets echo through a hundred configurations', async (t) => {
    const { httpPort, httpsPort } = controller;
    const sockets = [
      new WebSocket(`ws://${CONTROLLER_ADDRESS}:${httpPort}/`, { headers: { host: LOADED } }),
      new WebSocket(`wss://${CONTROLLER_ADDRESS}:${httpsPort}/`, {
        headers: { host: SECURE },
        agent: new https.Agent({ servername: SECURE, ca: first.cert }),
      }),
    ];
    let closed = 0;
    for (const socket of sockets) socket.on('close', () => closed++);
    t.after(() => sockets.forEach((socket) => socket.terminate()));
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    for (let round = 0; round < 100; round++) {
      const path = `/round-${round}`;
      await cluster.changeIngress('loaded', { host: LOADED, paths: { '/': 'web', [path]: 'next' } });
      await controller.untilRunning((config) => hasRoute(config, LOADED, path));
      const echoes = sockets.map(async (socket) => {
        const echoed = once(socket, 'message');
        socket.send(`round ${round}`);
        return String((await echoed)[0]);
      });
      assert.deepEqual(await Promise.all(echoes), [`round ${round}`, `round ${round}`]);
    }
    assert.equal(closed, 0);
  });

  test('the api server crashes and comes back, and what is changed afterwards arrives', async (t) => {
    const traffic = await load(t);
    let back = false;
    const readiness = eventually(
      async () => {
        assert.equal((await controller.admin('/readyz')).status, 200);
        // Probes must not be what keeps the machine busy.
        await traffic.more(10);
      },
      () => back,
    );
    await cluster.env.killApiServer();
    await controller.log('kubernetes api cannot be used, keeping what is known');
    await traffic.more(BETWEEN_CHANGES);
    cluster.env.restartApiServer();
    await cluster.env.ready();
    const startedMs = performance.now();
    const change = cluster.changeIngress('other', { host: 'later.example', paths: { '/': 'next' } });
    await under(traffic, change, (config) => hasRoute(config, 'later.example', '/'));
    t.diagnostic(
      `the first change after the outage was in force after ${Math.round(performance.now() - startedMs)} ms`,
    );
    back = true;
    await readiness;
    await assertUnharmed(traffic, t);
  });
});
