/** A controller that starts while the API server is down serves what the one before it served, if that can be trusted. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { ApiRelay } from '../support/api-relay.ts';
import { makeCertificate } from '../support/e2e-certificate.ts';
import { HttpClient } from '../support/e2e-client.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import { CONTROLLER_ADDRESS, type ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { E2E_NAMESPACE } from '../support/e2e-manifests.ts';
import type { Pod } from '../support/e2e-pod.ts';

const HOST = 'shop.example';
const SERVING = 'serving the snapshot of an earlier run';
const REFUSED = 'snapshot refused, it will not be served';

async function end(controller: ControllerProcess): Promise<void> {
  controller.signal('SIGINT');
  assert.deepEqual(await controller.exited(), { code: 0, signal: null });
}

async function metric(controller: ControllerProcess, name: string): Promise<number | null> {
  const { text } = await controller.admin('/metrics');
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? null : Number(line.split(' ')[1]);
}

describe('a start without the api server', { skip: e2eSkip }, () => {
  const certificate = makeCertificate(HOST);
  let cluster: E2eCluster;
  let directory: string;
  let file: string;
  let web: Pod;

  function start(): Promise<ControllerProcess> {
    return cluster.controller(['--workers', '2', '--snapshot-dir', directory]);
  }

  before(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'sluice-cold-start-')), 'kept');
    file = join(directory, 'snapshot.jsonl');
    cluster = await E2eCluster.start();
    web = await cluster.service('web');
    const metadata = { name: 'cert', namespace: E2E_NAMESPACE };
    await cluster.objects.create('secrets', { metadata, type: 'kubernetes.io/tls', data: certificate.secretData });
    await cluster.createIngress('shop', { host: HOST, paths: { '/': 'web' }, tlsSecret: 'cert' });
  });

  after(async () => {
    await cluster?.stop();
    if (directory !== undefined) await rm(join(directory, '..'), { recursive: true, force: true });
  });

  test('what is served is on disk at once, for this user alone, and the last change when the process ends', async () => {
    const controller = await start();
    await eventually(
      () => controller.readiness(),
      ({ snapshot }) => snapshot !== undefined && snapshot.lastWrittenAt > 0,
    );
    assert.equal((await stat(directory)).mode & 0o777, 0o700);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(await metric(controller, 'sluice_serving_snapshot'), 0);
    // Too soon after the first write for its turn to have come.
    await cluster.createIngress('later', { host: 'later.example', paths: { '/': 'web' } });
    await controller.untilRunning(({ routes }) => routes.some(({ host }) => host === 'later.example'));
    await end(controller);
    assert.match(await readFile(file, 'utf8'), /later\.example/);
    assert.deepEqual(await readdir(directory), ['snapshot.jsonl']);
  });

  test('it is served while the api server is down, and replaced without a closed connection when it is back', async (t) => {
    await cluster.env.killApiServer();
    const startedMs = performance.now();
    const controller = await start();
    t.diagnostic(`serving ${Math.round(performance.now() - startedMs)} ms after the start of the process`);
    const line = await controller.log(SERVING);
    assert.deepEqual([line.level, line['reason']], ['warn', 'the api server cannot be used']);
    const readyz = await controller.admin('/readyz');
    assert.equal(readyz.status, 200);
    const { snapshot } = await controller.readiness();
    assert.equal(snapshot?.serving, true);
    assert.ok((snapshot?.ageMs ?? -1) >= 0);
    assert.equal(await metric(controller, 'sluice_serving_snapshot'), 1);
    assert.ok(((await metric(controller, 'sluice_served_snapshot_age_seconds')) ?? -1) >= 0);
    const client = new HttpClient({ port: controller.httpPort, host: 'later.example' });
    const secure = new HttpClient({ port: controller.httpsPort, host: HOST, trust: certificate.cert });
    t.after(() => [client, secure].forEach((each) => each.close()));
    assert.equal((await client.get('/')).body, 'web');
    assert.equal((await secure.get('/')).fingerprint256, certificate.fingerprint256);
    const socket = new WebSocket(`ws://${CONTROLLER_ADDRESS}:${controller.httpPort}/`, { headers: { host: HOST } });
    t.after(() => socket.terminate());
    await once(socket, 'open');
    // The tunnel may have taken one of those that were open.
    await client.get('/');
    await secure.get('/');
    const upstreamConnections = web.connections;
    cluster.env.restartApiServer();
    await cluster.env.ready();
    await eventually(
      async () => {
        assert.equal((await client.get('/')).status, 200);
        assert.equal((await secure.get('/')).status, 200);
        return controller.readiness();
      },
      (readiness) => readiness.snapshot?.serving === false,
    );
    assert.equal(await metric(controller, 'sluice_serving_snapshot'), 0);
    assert.equal(await metric(controller, 'sluice_served_snapshot_age_seconds'), null);
    assert.ok(controller.logs.some(({ msg }) => msg === 'the snapshot of an earlier run has been replaced'));
    assert.equal((await client.get('/')).body, 'web');
    const echoed = once(socket, 'message');
    socket.send('still here');
    assert.equal(String((await echoed)[0]), 'still here');
    socket.terminate();
    assert.deepEqual([client.connections, secure.connections], [1, 1]);
    assert.equal(web.connections, upstreamConnections, 'connections to the pod were opened anew');
    await cluster.deleteIngress('later');
    await controller.untilRunning(({ routes }) => routes.every(({ host }) => host !== 'later.example'));
    await end(controller);
    assert.doesNotMatch(await readFile(file, 'utf8'), /later\.example/);
  });

  test('it is served when the api server accepts connections and says nothing, until it does', async (t) => {
    const relay = await ApiRelay.start(cluster.env.url);
    t.after(() => relay.shut());
    relay.silent = true;
    const args = ['--workers', '1', '--snapshot-dir', directory];
    const controller = await cluster.controller(args, cluster.env.kubeconfigBy(relay.url));
    const line = await controller.log(SERVING);
    assert.equal(line['reason'], 'the api server has not told everything within 5000 ms');
    const client = new HttpClient({ port: controller.httpPort, host: HOST });
    t.after(() => client.close());
    assert.equal((await client.get('/')).body, 'web');
    relay.silent = false;
    relay.cut();
    await eventually(
      () => controller.readiness(),
      ({ snapshot }) => snapshot?.serving === false,
    );
    assert.equal((await client.get('/')).body, 'web');
    assert.equal(client.connections, 1);
    await end(controller);
  });

  const unusable: readonly {
    readonly name: string;
    readonly change: (text: string) => string;
    readonly reason: RegExp;
  }[] = [
    { name: 'corrupt', change: (text) => text.replace(HOST, 'shqp.example'), reason: /does not match its checksum/ },
    { name: 'too old', change: (text) => text.replace('"version":1', '"version":0'), reason: /version 0 of older/ },
  ];

  test('a snapshot that is corrupt or too old is set aside, never served, and the api server is waited for', async () => {
    await cluster.env.killApiServer();
    const kept = await readFile(file, 'utf8');
    for (const { name, change, reason } of unusable) {
      const text = change(kept);
      await writeFile(file, text);
      const controller = cluster.launchController(['--workers', '1', '--snapshot-dir', directory]);
      const line = await controller.log(REFUSED);
      assert.equal(line.level, 'error');
      assert.match(String(line['reason']), reason, name);
      await controller.log('kubernetes api cannot be used, keeping what is known');
      assert.equal(await readFile(`${file}.refused`, 'utf8'), text);
      if (name === 'too old') {
        cluster.env.restartApiServer();
        await controller.ready();
      }
      assert.ok(controller.logs.every(({ msg }) => msg !== SERVING));
      await controller.kill();
    }
  });

  test('a directory that others may write to ends the program with what would be right', async () => {
    await chmod(directory, 0o777);
    const controller = cluster.launchController(['--snapshot-dir', directory]);
    const line = await controller.log('--snapshot-dir cannot be used');
    assert.match(String(line['reason']), /others may write to it \(mode 0777\): name a directory inside it/);
    assert.deepEqual(await controller.exited(), { code: 1, signal: null });
  });
});
