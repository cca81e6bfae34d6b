/** Snapshots of a cluster: what is in them, and when they come. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import { FakeApiServer, type FakeApiServerOptions } from '../support/fake-apiserver/server.ts';
import {
  rawEndpointSlice,
  rawEndpoints,
  rawIngress,
  rawIngressClass,
  rawService,
  rawTlsSecret,
} from '../support/kubernetes-objects.ts';
import { type SourceFixture, startSource } from '../support/kubernetes-source-fixture.ts';
import { FAST_TIMING } from '../support/reflector-fixture.ts';

async function startFake(t: TestContext, options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
  const fake = await FakeApiServer.start({ bookmarkIntervalMs: 20, ...options });
  t.after(async () => {
    await fake.close();
    assert.deepEqual(fake.unknownRequests, []);
  });
  return fake;
}

function start(t: TestContext, fake: FakeApiServer, namespaces: readonly string[] = []): SourceFixture {
  const fixture = startSource({ kubeconfig: fake.writeKubeconfig(), namespaces, reflectorTiming: FAST_TIMING });
  t.after(() => fixture.stop());
  return fixture;
}

function fill(fake: FakeApiServer): void {
  fake.put('ingressclasses', rawIngressClass('sluice'));
  fake.put('services', rawService('web'));
  fake.put('endpointslices', rawEndpointSlice('web', ['10.0.0.1']));
  fake.put('endpoints', rawEndpoints('web', ['10.0.0.1']));
  fake.put('secrets', rawTlsSecret('cert'));
  fake.put('secrets', { metadata: { name: 'token', namespace: 'shop' }, type: 'Opaque' });
  fake.put('ingresses', rawIngress('site', 'shop.example', 'web'));
}

function addressesOf(snapshot: ObjectSnapshot, service = 'shop/web'): string[] {
  return (snapshot.endpointSlices.get(service) ?? []).flatMap(({ endpoints }) =>
    endpoints.map(({ address }) => address),
  );
}

test('the first snapshot holds everything, and only TLS Secrets', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  const fixture = start(t, fake);
  const snapshot = await fixture.until(() => true);
  assert.equal(fixture.snapshots.length, 1);
  assert.deepEqual([...snapshot.ingresses.keys()], ['shop/site']);
  assert.deepEqual([...(snapshot.ingressClasses ?? []).keys()], ['sluice']);
  assert.deepEqual([...snapshot.services.keys()], ['shop/web']);
  assert.deepEqual([...snapshot.tlsSecrets.keys()], ['shop/cert']);
  assert.deepEqual(addressesOf(snapshot), ['10.0.0.1']);
  assert.equal(snapshot.endpointsOnly, false);
  assert.ok(!fake.requests.some(({ path }) => path.endsWith('/endpoints')));
});

test('without EndpointSlices v1 the Endpoints are read instead', async (t) => {
  const fake = await startFake(t, { endpointSlices: false });
  fill(fake);
  const fixture = start(t, fake);
  assert.deepEqual(addressesOf(await fixture.until(() => true)), ['10.0.0.1']);
  fake.put('endpoints', rawEndpoints('web', ['10.0.0.1', '10.0.0.2']));
  const next = await fixture.until((snapshot) => addressesOf(snapshot).length === 2);
  assert.equal(next.endpointsOnly, true);
});

test('a change of endpoints alone is emitted as such', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  const fixture = start(t, fake);
  const first = await fixture.until(() => true);
  fake.put('endpointslices', rawEndpointSlice('web', ['10.0.0.7']));
  const second = await fixture.until((snapshot) => addressesOf(snapshot).includes('10.0.0.7'));
  assert.equal(second.endpointsOnly, true);
  assert.equal(second.ingresses, first.ingresses);
  assert.ok(second.revision > first.revision);
});

test('status writes and annotations nobody reads cause no snapshot', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  const fixture = start(t, fake);
  await fixture.until(() => true);
  fake.putStatus('ingresses', 'shop/site', { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } });
  fake.put('ingresses', rawIngress('second', 'two.example', 'web'));
  await fixture.until((snapshot) => snapshot.ingresses.has('shop/second'));
  assert.equal(fixture.snapshots.length, 2);
});

test('a changed state of a release causes a snapshot, though nothing else has changed', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  const fixture = start(t, fake);
  await fixture.until(() => true);
  const site = rawIngress('site', 'shop.example', 'web');
  fake.put('ingresses', { ...site, metadata: { ...site.metadata, annotations: { 'sluice.dev/canary-state': '{}' } } });
  const next = await fixture.until(
    ({ ingresses }) => ingresses.get('shop/site')?.annotations['sluice.dev/canary-state'] === '{}',
  );
  assert.equal(next.endpointsOnly, false);
});

test('a leader lock kept in an Endpoints annotation causes no snapshot', async (t) => {
  const fake = await startFake(t, { endpointSlices: false });
  fill(fake);
  const fixture = start(t, fake);
  await fixture.until(() => true);
  const locked = rawEndpoints('web', ['10.0.0.1']);
  fake.put('endpoints', {
    ...locked,
    metadata: { ...locked.metadata, annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } },
  });
  fake.put('endpoints', rawEndpoints('other', ['10.0.0.9']));
  await fixture.until((snapshot) => snapshot.endpointSlices.has('shop/other'));
  assert.equal(fixture.snapshots.length, 2);
});

test('with namespaces given only these are read, IngressClasses apart', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  fake.put('services', rawService('web', 'blog'));
  fake.put('services', rawService('web', 'secret'));
  const fixture = start(t, fake, ['shop', 'blog']);
  const snapshot = await fixture.until(() => true);
  assert.deepEqual([...snapshot.services.keys()].toSorted(), ['blog/web', 'shop/web']);
  const unscoped = fake.requests.filter(({ path }) => !path.includes('/namespaces/')).map(({ path }) => path);
  assert.deepEqual([...new Set(unscoped)].toSorted(), [
    '/apis/discovery.k8s.io/v1',
    '/apis/networking.k8s.io/v1/ingressclasses',
  ]);
});

test('without the right to read IngressClasses the classes are null and a problem says what to grant', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  fake.denials = [{ plural: 'ingressclasses' }];
  const fixture = start(t, fake);
  const snapshot = await fixture.until(() => true);
  assert.equal(snapshot.ingressClasses, null);
  const [problem] = snapshot.problems.filter(({ code }) => code === 'resource-denied');
  assert.equal(problem?.severity, 'warning');
  assert.match(problem?.message ?? '', /403.*grant get, list and watch on ingressclasses .*ClusterRole/);
  fake.denials = [];
  const granted = await fixture.until(({ ingressClasses }) => ingressClasses !== null);
  assert.ok(granted.ingressClasses?.has('sluice'));
  assert.ok(!granted.problems.some(({ code }) => code === 'resource-denied'));
});

test('without the right to read Secrets the rest is served', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  fake.denials = [{ plural: 'secrets' }];
  const fixture = start(t, fake);
  const snapshot = await fixture.until(() => true);
  assert.equal(snapshot.ingresses.size, 1);
  assert.ok(snapshot.problems.some(({ source }) => source.kind === 'Secret' && source.name === '*'));
});

test('what an earlier run knew stands in for Secrets and classes that may not be read yet', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  fake.put('secrets', rawTlsSecret('old'));
  const before = await start(t, fake).until(() => true);
  fake.delete('secrets', 'shop/old');
  fake.put('ingresses', rawIngress('second', 'two.example', 'web'));
  fake.denials = [{ plural: 'secrets' }, { plural: 'ingressclasses' }];
  const fixture = startSource({ kubeconfig: fake.writeKubeconfig(), earlier: before, reflectorTiming: FAST_TIMING });
  t.after(() => fixture.stop());
  const first = await fixture.until(() => true);
  assert.deepEqual([...first.ingresses.keys()].toSorted(), ['shop/second', 'shop/site']);
  assert.deepEqual([...first.tlsSecrets.keys()].toSorted(), ['shop/cert', 'shop/old']);
  assert.deepEqual([...(first.ingressClasses ?? []).keys()], ['sluice']);
  const denied = first.problems.filter(({ code }) => code === 'resource-denied').map(({ message }) => message);
  assert.equal(denied.length, 2);
  for (const message of denied) assert.match(message, /what was known stays in force/);
  fake.denials = [];
  const granted = await fixture.until(({ problems }) => problems.length === 0);
  assert.deepEqual([...granted.tlsSecrets.keys()], ['shop/cert']);
  assert.ok(granted.ingressClasses?.has('sluice'));
});

test('what an earlier run knew of a namespace stands in only where it may not be read', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  fake.put('secrets', rawTlsSecret('cert', 'blog'));
  const namespaces = ['shop', 'blog'];
  const before = await start(t, fake, namespaces).until(() => true);
  assert.equal(before.tlsSecrets.size, 2);
  fake.delete('secrets', 'shop/cert');
  fake.denials = [{ plural: 'secrets', namespace: 'blog' }];
  const kubeconfig = fake.writeKubeconfig();
  const fixture = startSource({ kubeconfig, namespaces, earlier: before, reflectorTiming: FAST_TIMING });
  t.after(() => fixture.stop());
  assert.deepEqual([...(await fixture.until(() => true)).tlsSecrets.keys()], ['blog/cert']);
});

test('a listener is told of failures before the first snapshot, and of none after it', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  const kubeconfig = fake.writeKubeconfig();
  await fake.goAway();
  const fixture = startSource({ kubeconfig, reflectorTiming: FAST_TIMING });
  t.after(() => fixture.stop());
  await fixture.untilLogged('kubernetes api cannot be used, keeping what is known');
  assert.ok(fixture.unreachable() > 0);
  await fake.listen();
  await fixture.until(() => true);
  const told = fixture.unreachable();
  await fake.goAway();
  await fixture.untilAway();
  assert.equal(fixture.unreachable(), told);
});

for (const plural of ['ingresses', 'services', 'endpointslices']) {
  test(`nothing is emitted until ${plural} may be read`, async (t) => {
    const fake = await startFake(t);
    fill(fake);
    fake.denials = [{ plural }];
    const fixture = start(t, fake);
    const line = await fixture.untilLogged('kubernetes resource cannot be read');
    assert.equal(line.level, 'error');
    assert.equal(line.fields['resource'], plural);
    await fake.waitForRequest(({ path, watch }) => watch && path.endsWith('secrets'));
    assert.deepEqual(fixture.snapshots, []);
    assert.equal(fixture.source.status().find(({ resource }) => resource === plural)?.denied, true);
    fake.denials = [];
    const snapshot = await fixture.until(() => true);
    assert.equal(snapshot.ingresses.size, 1);
    assert.deepEqual(addressesOf(snapshot), ['10.0.0.1']);
  });
}

test('a right that is taken away later leaves what was known in force', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  const fixture = start(t, fake);
  await fixture.until(() => true);
  fake.denials = [{ plural: 'ingresses' }, { plural: 'ingressclasses' }];
  fake.cutStreams();
  const denied = await fixture.until(
    ({ problems }) => problems.filter(({ code }) => code === 'resource-denied').length === 2,
  );
  assert.equal(denied.ingresses.size, 1);
  assert.equal(denied.ingressClasses?.size, 1);
});

test('an outage keeps everything, is logged once, and ends with what changed meanwhile', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  const fixture = start(t, fake);
  await fixture.until(() => true);
  await fake.goAway();
  await fixture.untilLogged('kubernetes api cannot be used, keeping what is known');
  assert.equal(fixture.source.contact().away, true);
  fake.put('ingresses', rawIngress('second', 'two.example', 'web'));
  await fake.listen();
  const snapshot = await fixture.until(({ ingresses }) => ingresses.has('shop/second'));
  assert.equal(snapshot.ingresses.size, 2);
  assert.equal(fixture.snapshots.length, 2);
  assert.equal(fixture.lines.filter(({ level }) => level === 'warn').length, 1);
});

test('a source that starts before its server waits for it', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  const kubeconfig = fake.writeKubeconfig();
  await fake.goAway();
  const fixture = startSource({ kubeconfig, reflectorTiming: FAST_TIMING });
  t.after(() => fixture.stop());
  await fixture.untilLogged('kubernetes api cannot be used, keeping what is known');
  await fake.listen();
  assert.equal((await fixture.until(() => true)).ingresses.size, 1);
});

test('an upgraded control plane changes over from Endpoints to EndpointSlices, and back, without a gap', async (t) => {
  const fake = await startFake(t, { endpointSlices: false });
  fill(fake);
  const fixture = start(t, fake);
  const source = (): string | undefined =>
    fixture.source.status().find(({ resource }) => resource.startsWith('endpoint'))?.resource;
  await fixture.until(() => true);
  await fake.goAway();
  fake.endpointSlices = true;
  fake.put('endpointslices', rawEndpointSlice('web', ['10.0.0.2']));
  await fake.listen();
  await fixture.until((snapshot) => addressesOf(snapshot).join() === '10.0.0.2');
  assert.equal(source(), 'endpointslices');
  fake.endpointSlices = false;
  fake.cutStreams();
  await fixture.until((snapshot) => addressesOf(snapshot).join() === '10.0.0.1');
  assert.equal(source(), 'endpoints');
  assert.ok(fixture.snapshots.every((snapshot) => addressesOf(snapshot).length > 0));
});

test('a server that forbids at first to ask which endpoints it has is asked again', async (t) => {
  const fake = await startFake(t, { endpointSlices: false });
  fill(fake);
  fake.discoveryForbidden = true;
  fake.denials = [{ plural: 'endpointslices' }];
  const fixture = start(t, fake);
  const line = await fixture.untilLogged('kubernetes resource cannot be read');
  assert.equal(line.fields['resource'], 'endpointslices');
  fake.discoveryForbidden = false;
  const snapshot = await fixture.until(() => true);
  assert.deepEqual(addressesOf(snapshot), ['10.0.0.1']);
  assert.deepEqual(snapshot.problems, []);
});

test('asked once, it emits one snapshot and ends', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  const fixture = startSource({ kubeconfig: fake.writeKubeconfig(), reflectorTiming: FAST_TIMING }, true);
  await fixture.ended;
  assert.equal(fixture.snapshots.length, 1);
  assert.equal(fixture.invalid.length, 0);
});

test('asked once of a server that is away, it says so and ends', async (t) => {
  const fake = await startFake(t);
  const kubeconfig = fake.writeKubeconfig();
  await fake.goAway();
  const fixture = startSource({ kubeconfig, reflectorTiming: FAST_TIMING }, true);
  await fixture.ended;
  assert.equal(fixture.snapshots.length, 0);
  assert.equal(fixture.invalid.length, 1);
  assert.match(fixture.invalid[0]?.[0]?.message ?? '', /cannot use the api server http:\/\/127\.0\.0\.1/);
});

test('a listener that throws does not stop the source', async (t) => {
  const fake = await startFake(t);
  fill(fake);
  const fixture = startSource({
    kubeconfig: fake.writeKubeconfig(),
    reflectorTiming: FAST_TIMING,
    refuse: (snapshot) => snapshot.revision === 1,
  });
  t.after(() => fixture.stop());
  await fixture.untilLogged('snapshot was not accepted');
  fake.put('ingresses', rawIngress('second', 'two.example', 'web'));
  const snapshot = await fixture.until(({ revision }) => revision > 1);
  assert.equal(snapshot.ingresses.size, 2);
});
