/** The Kubernetes source against a real API server: what is written there arrives, also across a crash of the server. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import { e2eSkip, envtestAssets, podAddress } from '../support/e2e-environment.ts';
import { Envtest } from '../support/envtest.ts';
import { KubeObjects } from '../support/kube-objects.ts';
import { rawEndpoints, rawIngress, rawIngressClass, rawService, rawTlsSecret } from '../support/kubernetes-objects.ts';
import { type SourceFixture, startSource } from '../support/kubernetes-source-fixture.ts';

function addressesOf(snapshot: ObjectSnapshot): string[] {
  const slices = snapshot.endpointSlices.get('shop/web') ?? [];
  return slices.flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
}

describe('kubernetes source against a real api server', { skip: e2eSkip }, () => {
  let env: Envtest;
  let objects: KubeObjects;
  let fixture: SourceFixture;

  before(async () => {
    env = await Envtest.start(envtestAssets);
    objects = new KubeObjects(env.url, env.admin);
    fixture = startSource({ kubeconfig: env.kubeconfig });
    await objects.create('namespaces', { metadata: { name: 'shop' } });
  });

  after(async () => {
    await fixture?.stop();
    await objects?.close();
    await env?.stop();
  });

  test('an empty cluster is a snapshot too', async () => {
    const snapshot = await fixture.until(() => true);
    assert.equal(snapshot.ingresses.size, 0);
    assert.deepEqual(snapshot.ingressClasses?.size, 0);
    assert.ok(fixture.source.status().every(({ synced, denied }) => synced && !denied));
  });

  test('created objects arrive, and Secrets of other types do not', async () => {
    await objects.create('ingressclasses', rawIngressClass('sluice'));
    await objects.create('services', rawService('web'));
    await objects.create('endpoints', rawEndpoints('web', [podAddress(0)]));
    await objects.create('secrets', { metadata: { name: 'opaque', namespace: 'shop' }, type: 'Opaque', data: {} });
    await objects.create('secrets', rawTlsSecret('cert'));
    await objects.create('ingresses', rawIngress('site', 'shop.example', 'web'));
    const snapshot = await fixture.until(
      ({ ingresses, tlsSecrets }) => ingresses.has('shop/site') && tlsSecrets.has('shop/cert'),
    );
    assert.deepEqual([...snapshot.tlsSecrets.keys()], ['shop/cert']);
    assert.equal(snapshot.ingressClasses?.get('sluice')?.controller, 'sluice.dev/ingress-controller');
    assert.equal(snapshot.services.get('shop/web')?.ports[0]?.port, 80);
    assert.deepEqual(addressesOf(snapshot), [podAddress(0)]);
  });

  test('changed endpoints arrive on the short road', async () => {
    const { subsets } = rawEndpoints('web', [podAddress(0), podAddress(1)]);
    await objects.patch('endpoints', 'shop', 'web', { subsets });
    const snapshot = await fixture.until((each) => addressesOf(each).length === 2);
    assert.equal(snapshot.endpointsOnly, true);
  });

  test('a status write causes no snapshot, the update after it does', async () => {
    const emitted = fixture.snapshots.length;
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
    await objects.patch('ingresses', 'shop', 'site/status', { status });
    await objects.patch('ingresses', 'shop', 'site', { spec: rawIngress('site', 'new.example', 'web')['spec'] });
    const snapshot = await fixture.until((each) => each.ingresses.get('shop/site')?.rules[0]?.host === 'new.example');
    assert.equal(fixture.snapshots.length, emitted + 1);
    assert.equal(snapshot.endpointsOnly, false);
  });

  test('deleted objects go', async () => {
    await objects.delete('ingresses', 'shop', 'site');
    await objects.delete('secrets', 'shop', 'cert');
    await fixture.until(({ ingresses, tlsSecrets }) => ingresses.size === 0 && tlsSecrets.size === 0);
  });

  test('a killed api server costs nothing that is known, and what changes after its return arrives', async () => {
    const emitted = fixture.snapshots.length;
    await env.killApiServer();
    await fixture.untilLogged('kubernetes api cannot be used, keeping what is known');
    assert.equal(fixture.snapshots.length, emitted);
    env.restartApiServer();
    await env.ready();
    await objects.create('ingresses', rawIngress('later', 'later.example', 'web'));
    const snapshot = await fixture.until(({ ingresses }) => ingresses.has('shop/later'));
    assert.deepEqual(addressesOf(snapshot), [podAddress(0), podAddress(1)]);
    assert.equal(fixture.source.contact().away, false);
  });
});
