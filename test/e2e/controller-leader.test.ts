/**
 * Several controllers on a real API server, with no more rights than the documents ask for: all of them serve, one of them
 * writes, and another one goes on when that one is killed.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createAccount } from '../support/e2e-account.ts';
import { HttpClient } from '../support/e2e-client.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { E2E_NAMESPACE } from '../support/e2e-manifests.ts';
import type { KubeObject } from '../support/kube-objects.ts';
import { rawIngressClass } from '../support/kubernetes-objects.ts';

/** That of the kubeconfig. */
const LEASE_NAMESPACE = E2E_NAMESPACE;
const ADDRESS = '192.0.2.1';
const PUBLISH = ['--workers', '1', '--publish-status-address', ADDRESS];
const BAD = { 'nginx.ingress.kubernetes.io/proxy-body-size': 'lots' };
const LEASE_MS = 15_000;

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

function published({ status }: KubeObject): string {
  const { loadBalancer } = status as { loadBalancer: { ingress?: readonly { ip?: string; hostname?: string }[] } };
  return (loadBalancer.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname).join(' ');
}

async function metric(controller: ControllerProcess, series: string): Promise<number> {
  const { text } = await controller.admin('/metrics');
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? 0 : Number(line.slice(series.length + 1));
}

function statusWrites(controller: ControllerProcess): Promise<number> {
  return metric(controller, 'sluice_kubernetes_writes_total{kind="status",result="ok"}');
}

async function leads(controller: ControllerProcess): Promise<boolean> {
  return (await metric(controller, 'sluice_leader{name="sluice-leader"}')) === 1;
}

async function answer(controller: ControllerProcess, host: string): Promise<string> {
  const client = new HttpClient({ port: controller.httpPort, host });
  const { body } = await client.get('/');
  client.close();
  return body;
}

describe('several controllers', { skip: e2eSkip }, () => {
  let cluster: E2eCluster;
  let kubeconfig: string;

  function read(name: string): Promise<KubeObject> {
    return cluster.objects.get('ingresses', E2E_NAMESPACE, name);
  }

  async function untilPublished(name: string, addresses: string): Promise<void> {
    await eventually(
      () => read(name),
      (ingress) => published(ingress) === addresses,
    );
  }

  async function leaseSpec(): Promise<LeaseSpec> {
    const lease = await cluster.objects.get('leases', LEASE_NAMESPACE, 'sluice-leader');
    return lease['spec'] as LeaseSpec;
  }

  /** `<type> <reason> <Ingress>`, sorted. */
  async function events(): Promise<readonly string[]> {
    const all = await cluster.objects.list('events', E2E_NAMESPACE);
    return all
      .map(({ type, reason, regarding }) => `${String(type)} ${String(reason)} ${(regarding as { name: string }).name}`)
      .toSorted();
  }

  before(async () => {
    cluster = await E2eCluster.start();
    kubeconfig = await createAccount(cluster, 'sluice', { mayElect: true });
    await cluster.service('web');
    for (const name of ['one', 'two'])
      await cluster.createIngress(name, { host: `${name}.example`, paths: { '/': 'web' } });
    await cluster.createIngress('bad', { host: 'bad.example', paths: { '/': 'web' }, annotations: BAD });
    await cluster.createIngress('foreign', { host: 'f.example', paths: { '/': 'web' }, className: 'other' });
  });

  after(async () => {
    await cluster?.stop();
  });

  test('all serve and one writes: each status once, each problem in one Event, and another goes on after SIGKILL', async (t) => {
    const controllers = [await cluster.controller(PUBLISH, kubeconfig), await cluster.controller(PUBLISH, kubeconfig)];
    for (const name of ['one', 'two', 'bad']) await untilPublished(name, ADDRESS);
    await eventually(events, (all) => all.length === 1);
    assert.deepEqual(await events(), ['Warning AnnotationInvalid bad']);
    assert.equal(published(await read('foreign')), '');
    for (const controller of controllers) assert.equal(await answer(controller, 'one.example'), 'web');
    const leading = await Promise.all(controllers.map(leads));
    assert.equal(leading.filter(Boolean).length, 1);
    const [leader, follower] = leading[0] === true ? controllers : controllers.toReversed();
    assert.ok(leader !== undefined && follower !== undefined);
    assert.deepEqual([await statusWrites(leader), await statusWrites(follower)], [3, 0]);
    const nginx = (await follower.admin('/metrics')).text;
    assert.match(nginx, /^nginx_ingress_controller_leader_election_status\{name="sluice-leader",[^}]*\} 0$/m);
    const untouched = await read('one');

    const killedMs = performance.now();
    await leader.kill();
    const left = await leaseSpec();
    await cluster.createIngress('three', { host: 'three.example', paths: { '/': 'web' }, annotations: BAD });
    await untilPublished('three', ADDRESS);
    const takenOverMs = performance.now() - killedMs;
    t.diagnostic(`status goes on ${Math.round(takenOverMs)} ms after SIGKILL of the leader`);
    assert.ok(await leads(follower));
    const taken = await leaseSpec();
    assert.equal(taken.leaseTransitions, left.leaseTransitions + 1);
    const silentMs = Date.parse(taken.acquireTime) - Date.parse(left.renewTime);
    assert.ok(silentMs >= LEASE_MS, `a leader was given ${silentMs} ms`);
    // One for each thing there is to say, whoever was leading.
    await eventually(events, (all) => all.length >= 3);
    await eventually(
      () => metric(follower, 'sluice_kubernetes_writes_total{kind="event",result="exists"}'),
      (n) => n >= 1,
    );
    assert.deepEqual(await events(), [
      'Normal Sync three',
      'Warning AnnotationInvalid bad',
      'Warning AnnotationInvalid three',
    ]);
    assert.equal(await statusWrites(follower), 1);
    assert.equal((await read('one')).metadata.resourceVersion, untouched.metadata.resourceVersion);

    // A graceful end gives the lease back, and leaves the status: the next one finds it right.
    const third = await cluster.controller(PUBLISH, kubeconfig);
    await third.log('following');
    follower.signal('SIGTERM');
    await follower.exited();
    await third.log('leading');
    await eventually(
      () => leads(third),
      (is) => is,
    );
    assert.equal(published(await read('one')), ADDRESS);
    assert.match((await leaseSpec()).holderIdentity ?? '', /_[0-9a-f-]{36}$/);
    assert.equal(await statusWrites(third), 0);

    // What leaves its class loses the address; what another class brings gets it.
    await cluster.changeIngress('two', { host: 'two.example', paths: { '/': 'web' }, className: 'other' });
    await untilPublished('two', '');
    await cluster.objects.create('ingressclasses', rawIngressClass('other'));
    await untilPublished('two', ADDRESS);
    await untilPublished('foreign', ADDRESS);
    assert.equal(await statusWrites(third), 3);
    third.signal('SIGTERM');
    assert.deepEqual(await third.exited(), { code: 0, signal: null });
    assert.equal((await leaseSpec()).holderIdentity ?? '', '');
  });

  test('the addresses of a Service of type LoadBalancer are published as the cloud gives them', async () => {
    const metadata = { name: 'edge', namespace: E2E_NAMESPACE };
    await cluster.objects.create('services', { metadata, spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } });
    const controller = await cluster.controller(
      ['--workers', '1', '--publish-service', `${E2E_NAMESPACE}/edge`],
      kubeconfig,
    );
    await controller.log('addresses for the status of ingresses are not known');
    assert.equal(published(await read('one')), ADDRESS);
    const ingress = [{ hostname: 'lb.example' }, { ip: '192.0.2.7' }];
    await cluster.objects.patch('services', E2E_NAMESPACE, 'edge/status', { status: { loadBalancer: { ingress } } });
    for (const name of ['one', 'two', 'three']) await untilPublished(name, '192.0.2.7 lb.example');
    await controller.kill();
  });

  test('without the right to leases a controller serves, and says what to grant', async () => {
    const silent = await createAccount(cluster, 'silent', { mayElect: false });
    const controller = await cluster.controller(['--workers', '1', '--publish-status-address', '192.0.2.99'], silent);
    const { level, problem } = await controller.log('leader election impossible');
    assert.equal(level, 'error');
    assert.match(String(problem), /403.*leases.*sluice-leader.*forbidden.*grant create on leases, and get and update/s);
    assert.equal(await answer(controller, 'one.example'), 'web');
    assert.equal((await controller.admin('/readyz')).status, 200);
    assert.equal(published(await read('one')), '192.0.2.7 lb.example');
    await controller.kill();
  });
});
