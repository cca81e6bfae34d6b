/** Configuration changes of every kind under steady traffic: no request fails and no connection is closed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { makeCertificate } from '../support/e2e-certificate.ts';
import { HttpClient } from '../support/e2e-client.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import { CONTROLLER_ADDRESS, type ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { canaryAnnotations, E2E_NAMESPACE } from '../support/e2e-manifests.ts';
import type { Pod } from '../support/e2e-pod.ts';
import { SteadyTraffic } from '../support/e2e-traffic.ts';

/** Requests that pass between a change and the next one. */
const BETWEEN_CHANGES = 40;
const LOADED = 'loaded.example';
const SECURE = 'secure.example';
const OTHER = 'other.example';

describe('configuration changes under traffic', { skip: e2eSkip }, () => {
  const first = makeCertificate(SECURE);
  let cluster: E2eCluster;
  let controller: ControllerProcess;
  let web: Pod;

  function load(): SteadyTraffic {
    const { httpPort, httpsPort } = controller;
    const clear = { port: httpPort, host: LOADED, path: '/' };
    const secure = { port: httpsPort, host: SECURE, path: '/', trust: first.cert };
    return new SteadyTraffic([
      ...Array.from({ length: 6 }, () => clear),
      ...Array.from({ length: 4 }, () => secure),
      // Whoever comes while something changes must be let in as well.
      { ...clear, keepAlive: false },
    ]);
  }

  async function assertUnharmed(traffic: SteadyTraffic, t: TestContext): Promise<void> {
    const { requests, failures, examples, reconnects } = await traffic.stop();
    t.diagnostic(`${requests} requests, ${failures} failures, ${reconnects} connections closed`);
    assert.deepEqual({ failures, examples, reconnects }, { failures: 0, examples: [], reconnects: 0 });
  }

  /** Makes a change while requests are under way, and waits until it is in force and more of them are through. */
  async function under(traffic: SteadyTraffic, change: () => Promise<unknown>): Promise<void> {
    const from = controller.logs.length;
    await change();
    await controller.log('configuration applied', from).catch((e) => { console.log(from, JSON.stringify(controller.logs, null, 1)); throw e; });
    await traffic.more(BETWEEN_CHANGES);
  }

  /** Asks for a path that is not under load until this status comes. */
  async function untilStatus(host: string, path: string, wanted: number): Promise<void> {
    const client = new HttpClient({ port: controller.httpPort, host });
    await eventually(
      () => client.get(path),
      ({ status }) => status === wanted,
    );
    client.close();
  }

  before(async () => {
    cluster = await E2eCluster.start();
    web = await cluster.service('web');
    await cluster.service('next');
    const secret = { metadata: { name: 'cert', namespace: E2E_NAMESPACE }, type: 'kubernetes.io/tls' };
    await cluster.objects.create('secrets', { ...secret, data: first.secretData });
    await cluster.createIngress('loaded', { host: LOADED, paths: { '/': 'web' } });
    await cluster.createIngress('secure', { host: SECURE, paths: { '/': 'web' }, tlsSecret: 'cert' });
    await cluster.createIngress('other', { host: OTHER, paths: { '/': 'web', '/extra': 'next' } });
    // Two, so that changes arrive in several workers.
    controller = await cluster.controller(['--workers', '2', '--log-level', 'debug']);
  });

  after(async () => {
    await cluster?.stop(); setTimeout(() => process.exit(1), 500);
  });

  test('paths beside the loaded ones come and go, and other hosts change their names', async (t) => {
    const traffic = load();
    await traffic.more(BETWEEN_CHANGES);
    for (let round = 0; round < 10; round++) {
      await under(traffic, () => cluster.changeIngress('loaded', { host: LOADED, paths: { '/': 'web' } }));
      await under(traffic, () =>
        cluster.changeIngress('loaded', { host: LOADED, paths: { '/': 'web', '/new': 'next' } }),
      );
      await under(traffic, () => cluster.changeIngress('other', { host: `${round}.example`, paths: { '/': 'next' } }));
      await under(traffic, () => cluster.deleteIngress('other'));
      await under(traffic, () => cluster.createIngress('other', { host: OTHER, paths: { '/': 'web' } }));
    }
    await untilStatus(OTHER, '/', 200);
    await untilStatus('9.example', '/', 404);
    await assertUnharmed(traffic, t);
  });

  test('a certificate is replaced while its host is under load', async (t) => {
    const traffic = load();
    await traffic.more(BETWEEN_CHANGES);
    let current = first;
    for (let round = 0; round < 5; round++) {
      const next = round === 4 ? first : makeCertificate(SECURE);
      const change = { data: next.secretData };
      await under(traffic, () => cluster.objects.patch('secrets', E2E_NAMESPACE, 'cert', change));
      // Trusts both: either may be shown until the new one is in force.
      const newcomer = { port: controller.httpsPort, host: SECURE, trust: current.cert + next.cert, keepAlive: false };
      const client = new HttpClient(newcomer);
      const shown = await eventually(
        () => client.get('/'),
        ({ fingerprint256 }) => fingerprint256 === next.fingerprint256,
      );
      assert.equal(shown.status, 200);
      current = next;
    }
    await assertUnharmed(traffic, t);
  });

  test('pods are added, and those removed shut down as soon as the api server knows', async (t) => {
    const traffic = load();
    await traffic.more(BETWEEN_CHANGES);
    let pods = [web];
    for (let round = 0; round < 10; round++) {
      const added = [await cluster.pod(`added-${round}-a`), await cluster.pod(`added-${round}-b`)];
      await cluster.scale('web', [...pods, ...added]);
      await eventually(
        () => traffic.more(1),
        () => added.every(({ requests }) => requests > 0),
      );
      const removed = pods;
      pods = added;
      await cluster.scale('web', pods);
      // Sluice may still be sending: what meets a closing pod has to be repeated elsewhere.
      await Promise.all(removed.map((pod) => pod.shutDown()));
      await traffic.more(BETWEEN_CHANGES);
    }
    web = pods[0] as Pod;
    await assertUnharmed(traffic, t);
  });

  test('the weight of a canary changes', async (t) => {
    const canary = { host: LOADED, paths: { '/': 'next' } };
    const weighing = (weight: number): Readonly<Record<string, string>> =>
      canaryAnnotations({ 'canary-weight': String(weight) });
    const traffic = load();
    await traffic.more(BETWEEN_CHANGES);
    await under(traffic, () => cluster.createIngress('canary', { ...canary, annotations: weighing(0) }));
    for (const weight of [5, 50, 100, 0, 25, 75, 100]) {
      await under(traffic, () => cluster.changeIngress('canary', { ...canary, annotations: weighing(weight) }));
    }
    await under(traffic, () => cluster.deleteIngress('canary'));
    await assertUnharmed(traffic, t);
  });

  test('websockets echo through a hundred configurations', async () => {
    const { httpPort, httpsPort } = controller;
    const sockets = [
      new WebSocket(`ws://${CONTROLLER_ADDRESS}:${httpPort}/`, { headers: { host: LOADED } }),
      new WebSocket(`wss://${CONTROLLER_ADDRESS}:${httpsPort}/`, {
        headers: { host: SECURE },
        servername: SECURE,
        ca: first.cert,
      }),
    ];
    let closed = 0;
    for (const socket of sockets) socket.on('close', () => closed++);
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    for (let round = 0; round < 100; round++) {
      const from = controller.logs.length;
      await cluster.changeIngress('loaded', { host: LOADED, paths: { '/': 'web', [`/round-${round}`]: 'next' } });
      await controller.log('configuration applied', from);
      const echoes = sockets.map(async (socket) => {
        const echoed = once(socket, 'message');
        socket.send(`round ${round}`);
        return String((await echoed)[0]);
      });
      assert.deepEqual(await Promise.all(echoes), [`round ${round}`, `round ${round}`]);
    }
    assert.equal(closed, 0);
    for (const socket of sockets) socket.terminate();
  });
});
