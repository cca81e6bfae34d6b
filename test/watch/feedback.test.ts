/** Replicas of a controller over one API server: what they write back, how often, and who goes on when one stops. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FeedbackTiming } from '../../src/watch/kubernetes-feedback.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { FakeApiServer, type SeenRequest } from '../support/fake-apiserver/server.ts';
import type { StoredObject } from '../support/fake-apiserver/storage.ts';
import { rawEndpointSlice, rawIngress, rawIngressClass, rawService } from '../support/kubernetes-objects.ts';
import { FAST_FEEDBACK, Replica, type ReplicaOptions } from '../support/replica.ts';

const ADDRESS = '192.0.2.1';

async function startFake(t: TestContext): Promise<FakeApiServer> {
  const fake = await FakeApiServer.start();
  fake.put('ingressclasses', rawIngressClass('sluice'));
  fake.put('services', rawService('web'));
  fake.put('endpointslices', rawEndpointSlice('web', ['10.0.0.1']));
  t.after(async () => {
    await fake.close();
    assert.deepEqual(fake.unknownRequests, []);
  });
  return fake;
}

function start(t: TestContext, fake: FakeApiServer, options: ReplicaOptions = {}): Replica {
  const replica = new Replica(fake, { publishStatusAddresses: [ADDRESS], ...options });
  t.after(() => replica.stop());
  return replica;
}

function putIngress(fake: FakeApiServer, name: string, changes: { className?: string; path?: string } = {}): void {
  const raw = rawIngress(name, `${name}.example`, 'web');
  const { className = 'sluice', path = '/' } = changes;
  const http = { paths: [{ path, pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }] };
  fake.put('ingresses', { ...raw, spec: { ingressClassName: className, rules: [{ host: `${name}.example`, http }] } });
}

function published(fake: FakeApiServer, name: string): unknown {
  const status = fake.list('ingresses').find(({ metadata }) => metadata.name === name)?.status;
  return (status as { loadBalancer?: { ingress?: unknown } } | undefined)?.loadBalancer?.ingress;
}

function patches(fake: FakeApiServer): readonly SeenRequest[] {
  return fake.requests.filter(({ method }) => method === 'PATCH');
}

function events(fake: FakeApiServer): readonly string[] {
  return (fake.list('events') as readonly (StoredObject & Record<string, unknown>)[]).map(
    ({ type, reason, regarding }) => `${String(type)} ${String(reason)} ${(regarding as { name: string }).name}`,
  );
}

test('two replicas write what one has to, and nothing of it is compiled again', async (t) => {
  const fake = await startFake(t);
  for (const name of ['a', 'b', 'c']) putIngress(fake, name);
  putIngress(fake, 'foreign', { className: 'other' });
  const replicas = [start(t, fake), start(t, fake)];
  await eventuallyTrue(() => ['a', 'b', 'c'].every((name) => published(fake, name) !== undefined));
  assert.deepEqual(published(fake, 'a'), [{ ip: ADDRESS }]);
  putIngress(fake, 'd');
  await eventuallyTrue(() => published(fake, 'd') !== undefined && events(fake).length === 1);
  await eventuallyTrue(() => replicas.every(({ loop }) => loop.running?.routes.length === 4));
  assert.equal(patches(fake).length, 4);
  assert.equal(published(fake, 'foreign'), undefined);
  assert.deepEqual(events(fake), ['Normal Sync d']);
  assert.deepEqual(
    replicas.map(({ compiles }) => compiles),
    [2, 2],
  );
});

test('when the leader stops answering, the other one goes on where it was, and repeats nothing', async (t) => {
  const fake = await startFake(t);
  putIngress(fake, 'a');
  putIngress(fake, 'bad', { path: '/../up' });
  const election = { ...FAST_FEEDBACK.election, leaseMs: 4_000, renewDeadlineMs: 3_000 };
  const first = start(t, fake, { timing: { election } });
  await eventuallyTrue(() => ['a', 'bad'].every((name) => published(fake, name) !== undefined));
  await eventuallyTrue(() => events(fake).length > 0);
  const second = start(t, fake, { timing: { election } });
  await eventuallyTrue(() => second.loop.running !== null);
  const before = { patches: patches(fake).length, events: events(fake) };
  first.halt();
  await eventuallyTrue(() => second.feedback.isLeader);
  assert.ok(!first.feedback.isLeader);
  putIngress(fake, 'later');
  putIngress(fake, 'worse', { path: '/../up' });
  await eventuallyTrue(() => published(fake, 'later') !== undefined && published(fake, 'worse') !== undefined);
  await eventuallyTrue(() => events(fake).length >= before.events.length + 2);
  assert.equal(patches(fake).length, before.patches + 2);
  assert.deepEqual(
    events(fake).toSorted(),
    [...before.events, 'Normal Sync later', 'Warning PathInvalid worse'].toSorted(),
  );
  assert.deepEqual(
    second.feedback.writes().filter(({ kind, result }) => kind === 'event' && result === 'exists'),
    [{ kind: 'event', result: 'exists', count: before.events.length }],
  );
});

test('a leader that is shut down gives its lease back, and takes no status with it', async (t) => {
  const fake = await startFake(t);
  putIngress(fake, 'a');
  const slow: Partial<FeedbackTiming> = { election: { ...FAST_FEEDBACK.election, leaseMs: 60_000 } };
  const first = start(t, fake, { timing: slow });
  await eventuallyTrue(() => published(fake, 'a') !== undefined);
  const second = start(t, fake, { timing: slow });
  await eventuallyTrue(() => second.logger.messages().includes('following'));
  await first.stop();
  await eventuallyTrue(() => second.feedback.isLeader);
  putIngress(fake, 'b');
  await eventuallyTrue(() => published(fake, 'b') !== undefined);
  assert.deepEqual(published(fake, 'a'), [{ ip: ADDRESS }]);
  assert.equal(patches(fake).length, 2);
});

test('an IngressClass that comes and goes takes its Ingresses along', async (t) => {
  const fake = await startFake(t);
  putIngress(fake, 'a', { className: 'edge' });
  const replica = start(t, fake);
  await eventuallyTrue(() => replica.feedback.isLeader && replica.loop.running !== null);
  assert.equal(replica.loop.running?.routes.length, 0);
  fake.put('ingressclasses', rawIngressClass('edge'));
  await eventuallyTrue(() => published(fake, 'a') !== undefined);
  await eventuallyTrue(() => events(fake).includes('Normal Sync a'));
  fake.delete('ingressclasses', 'edge');
  await eventuallyTrue(() => published(fake, 'a') === undefined);
  assert.equal(patches(fake).length, 2);
});

test('without the class it goes by, it says so on the Ingresses that name it', async (t) => {
  const fake = await startFake(t);
  fake.delete('ingressclasses', 'sluice');
  putIngress(fake, 'a');
  start(t, fake);
  await eventuallyTrue(() => events(fake).length === 1);
  assert.deepEqual(events(fake), ['Warning ClassNotFound a']);
  assert.equal(published(fake, 'a'), undefined);
});

test('an Ingress that cannot be read is told why, if it is ours', async (t) => {
  const fake = await startFake(t);
  fake.put('ingresses', {
    metadata: { name: 'ours', namespace: 'shop' },
    spec: { ingressClassName: 'sluice', rules: 'x' },
  });
  fake.put('ingresses', {
    metadata: { name: 'other', namespace: 'shop' },
    spec: { ingressClassName: 'other', rules: 'x' },
  });
  fake.put('secrets', { metadata: { name: 'broken', namespace: 'shop' }, type: 'kubernetes.io/tls', data: 'x' });
  const replica = start(t, fake);
  await eventuallyTrue(() => events(fake).length > 0);
  assert.ok((replica.loop.running?.problems.length ?? 0) >= 2);
  assert.deepEqual([...new Set(events(fake))], ['Warning ObjectInvalid ours']);
});

test('a replica without the right to leases serves on, and takes part as soon as it may', async (t) => {
  const fake = await startFake(t);
  fake.denials = [{ plural: 'leases' }];
  putIngress(fake, 'a');
  const replica = start(t, fake);
  await eventuallyTrue(() => replica.loop.running?.routes.length === 1);
  await eventuallyTrue(() => replica.logger.messages().includes('leader election impossible'));
  assert.equal(patches(fake).length, 0);
  fake.denials = [];
  await eventuallyTrue(() => published(fake, 'a') !== undefined);
});

test('the addresses of the Service are followed, and kept when it has none', async (t) => {
  const fake = await startFake(t);
  const edge = { metadata: { name: 'edge', namespace: 'infra' }, spec: { type: 'LoadBalancer', ports: [] } };
  fake.put('services', edge);
  fake.put('services', {
    ...rawService('other', 'infra'),
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.9' }] } },
  });
  putIngress(fake, 'a');
  const replica = start(t, fake, { publishStatusAddresses: [], publishService: 'infra/edge' });
  const faults = (): readonly unknown[] =>
    replica.logger.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['problem']);
  await eventuallyTrue(() => replica.feedback.isLeader && faults().length === 1);
  assert.deepEqual(faults(), ['service infra/edge of --publish-service has no address yet']);
  const first = { loadBalancer: { ingress: [{ hostname: 'lb.example' }, { ip: '192.0.2.7', ports: [] }] } };
  fake.putStatus('services', 'infra/edge', first);
  await eventuallyTrue(() => published(fake, 'a') !== undefined);
  assert.deepEqual(published(fake, 'a'), [{ ip: '192.0.2.7' }, { hostname: 'lb.example' }]);
  fake.delete('services', 'infra/edge');
  await eventuallyTrue(() => faults().includes('service infra/edge of --publish-service does not exist'));
  fake.put('services', { ...edge, status: { loadBalancer: { ingress: [{ ip: '192.0.2.8' }] } } });
  await eventuallyTrue(() => JSON.stringify(published(fake, 'a')) === '[{"ip":"192.0.2.8"}]');
  assert.equal(patches(fake).length, 2);
});

test('in a pod and without flags, the nodes with ready pods of ours are published', async (t) => {
  const fake = await startFake(t);
  putIngress(fake, 'a');
  const pod = (name: string, node: string, ready: boolean, app = 'sluice'): void => {
    const labels = { app, 'pod-template-hash': name };
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
    fake.put('pods', {
      metadata: { name, namespace: 'infra', labels },
      spec: { nodeName: node },
      status: { conditions },
    });
  };
  const node = (name: string, ...addresses: readonly { type: string; address: string }[]): void => {
    fake.put('nodes', { metadata: { name }, status: { addresses } });
  };
  pod('p1', 'n1', true);
  pod('p2', 'n2', true);
  pod('p3', 'n3', false);
  pod('p4', 'n4', true, 'database');
  node('n1', { type: 'InternalIP', address: '10.0.0.1' }, { type: 'ExternalIP', address: '192.0.2.11' });
  node('n2', { type: 'Hostname', address: 'n2' }, { type: 'InternalIP', address: '10.0.0.2' });
  for (const name of ['n3', 'n4']) node(name, { type: 'InternalIP', address: '10.0.0.9' });
  fake.denials = [{ plural: 'nodes' }];
  const env = { POD_NAMESPACE: 'infra', POD_NAME: 'p1' };
  const replica = start(t, fake, { publishStatusAddresses: [], env, timing: { nodesIntervalMs: 20 } });
  await eventuallyTrue(() => replica.logger.messages().includes('addresses for the status of ingresses are not known'));
  assert.equal(published(fake, 'a'), undefined);
  fake.denials = [];
  await eventuallyTrue(() => published(fake, 'a') !== undefined);
  assert.deepEqual(published(fake, 'a'), [{ ip: '10.0.0.2' }, { ip: '192.0.2.11' }]);
  assert.equal(fake.list('leases')[0]?.metadata.namespace, 'infra');
});
