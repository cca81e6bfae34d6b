/** Snapshots share what did not change, say whether only endpoints differ, and group slices by Service. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { EndpointSliceObject } from '../../src/model/objects.ts';
import type { Problem } from '../../src/model/problem.ts';
import { SnapshotBuilder } from '../../src/watch/snapshot.ts';
import { ingress, ingressClass, keyPair, service } from '../support/fixtures.ts';

function sliceOf(name: string, serviceName: string, address: string, resourceVersion = '1'): EndpointSliceObject {
  const meta = { key: `shop/${name}`, namespace: 'shop', name, uid: '', resourceVersion };
  const endpoint = { address, ready: true, serving: true, terminating: false, hintZones: [] };
  return { ...meta, serviceName, addressType: 'IPv4', ports: [], endpoints: [endpoint] };
}

const PROBLEM: Problem = {
  code: 'object-invalid',
  severity: 'rejected',
  source: { kind: 'Ingress', namespace: 'shop', name: 'web' },
  field: '',
  message: 'is wrong',
  location: null,
};

test('the first snapshot is complete and never endpoints only', () => {
  const builder = new SnapshotBuilder();
  assert.equal(builder.change, 'everything');
  const snapshot = builder.build();
  assert.equal(snapshot.endpointsOnly, false);
  assert.equal(snapshot.revision, 1);
  assert.equal(snapshot.ingressClasses?.size, 0);
  assert.equal(builder.change, 'nothing');
});

test('a changed slice leaves all other maps and groups as they were', () => {
  const builder = new SnapshotBuilder();
  builder.set('Service', 'shop/a', service('shop/a'));
  builder.set('EndpointSlice', 'shop/a-1', sliceOf('a-1', 'a', '10.0.0.1'));
  builder.set('EndpointSlice', 'shop/b-1', sliceOf('b-1', 'b', '10.0.0.2'));
  const before = builder.build();
  assert.equal(builder.set('EndpointSlice', 'shop/a-1', sliceOf('a-1', 'a', '10.0.0.9')), true);
  assert.equal(builder.change, 'endpoints');
  const after = builder.build();
  assert.equal(after.endpointsOnly, true);
  assert.equal(after.revision, before.revision + 1);
  assert.equal(after.services, before.services);
  assert.equal(after.ingresses, before.ingresses);
  assert.equal(after.endpointSlices.get('shop/b'), before.endpointSlices.get('shop/b'));
  assert.equal(before.endpointSlices.get('shop/a')?.[0]?.endpoints[0]?.address, '10.0.0.1');
  assert.equal(after.endpointSlices.get('shop/a')?.[0]?.endpoints[0]?.address, '10.0.0.9');
});

test('anything besides endpoints makes it more than endpoints, in either order', () => {
  for (const order of [0, 1]) {
    const builder = new SnapshotBuilder();
    builder.build();
    const changes = [
      () => builder.set('EndpointSlice', 'shop/a-1', sliceOf('a-1', 'a', '10.0.0.1')),
      () => builder.set('IngressClass', 'sluice', ingressClass('sluice', 'c')),
    ];
    for (const change of order === 0 ? changes : changes.toReversed()) change();
    assert.equal(builder.change, 'everything');
    assert.equal(builder.build().endpointsOnly, false);
  }
});

test('an object that differs in its resourceVersion only is kept and is no change', () => {
  const builder = new SnapshotBuilder();
  const first = service('shop/a');
  builder.set('Service', 'shop/a', first);
  builder.build();
  assert.equal(builder.set('Service', 'shop/a', { ...structuredClone(first), resourceVersion: '99' }), false);
  assert.equal(builder.change, 'nothing');
  assert.equal(builder.build().services.get('shop/a'), first);
});

test('the resourceVersion of a slice counts, because it decides between contradicting slices', () => {
  const builder = new SnapshotBuilder();
  builder.set('EndpointSlice', 'shop/a-1', sliceOf('a-1', 'a', '10.0.0.1', '1'));
  builder.build();
  assert.equal(builder.set('EndpointSlice', 'shop/a-1', sliceOf('a-1', 'a', '10.0.0.1', '2')), true);
});

test('a slice whose label changes moves to its new Service', () => {
  const builder = new SnapshotBuilder();
  builder.set('EndpointSlice', 'shop/x', sliceOf('x', 'a', '10.0.0.1'));
  builder.build();
  builder.set('EndpointSlice', 'shop/x', sliceOf('x', 'b', '10.0.0.1'));
  assert.deepEqual([...builder.build().endpointSlices.keys()], ['shop/b']);
});

test('slices win over Endpoints of the same name, which come back when the slices go', () => {
  const builder = new SnapshotBuilder();
  const fromEndpoints = [sliceOf('a#0', 'a', '10.0.0.1')];
  builder.set('Endpoints', 'shop/a', fromEndpoints);
  builder.set('EndpointSlice', 'shop/a-1', sliceOf('a-1', 'a', '10.0.0.2'));
  const addresses = (): readonly (string | undefined)[] | undefined =>
    builder
      .build()
      .endpointSlices.get('shop/a')
      ?.map((each) => each.endpoints[0]?.address);
  assert.deepEqual(addresses(), ['10.0.0.2']);
  builder.set('EndpointSlice', 'shop/a-1', null);
  assert.deepEqual(addresses(), ['10.0.0.1']);
  builder.set('Endpoints', 'shop/a', null);
  assert.equal(addresses(), undefined);
});

test('problems come and go with their object, in an order that does not depend on arrival', () => {
  const builder = new SnapshotBuilder();
  const other: Problem = { ...PROBLEM, source: { ...PROBLEM.source, name: 'api' } };
  builder.set('Ingress', 'shop/web', null, [PROBLEM]);
  builder.set('Ingress', 'shop/api', ingress('shop/api').build(), [other]);
  assert.deepEqual(builder.build().problems, [other, PROBLEM]);
  assert.equal(builder.set('Ingress', 'shop/web', null, [{ ...PROBLEM }]), false);
  assert.equal(builder.set('Ingress', 'shop/web', null), true);
  assert.deepEqual(builder.build().problems, [other]);
  builder.setProblems('source', [PROBLEM]);
  assert.equal(builder.build().problems.length, 2);
});

test('unreadable IngressClasses are null rather than empty', () => {
  const builder = new SnapshotBuilder();
  builder.build();
  builder.setClassesReadable(false);
  const snapshot = builder.build();
  assert.equal(snapshot.ingressClasses, null);
  assert.equal(snapshot.endpointsOnly, false);
});

test('a Secret whose certificate is renewed is a change', () => {
  const builder = new SnapshotBuilder();
  const meta = {
    key: 'shop/c',
    namespace: 'shop',
    name: 'c',
    uid: '',
    resourceVersion: '',
    invalidReason: '',
    hasKeyPair: true,
    caPem: null,
    authoritiesFault: '',
  };
  builder.set('Secret', 'shop/c', { ...meta, certificate: keyPair('a.example') });
  builder.build();
  assert.equal(builder.set('Secret', 'shop/c', { ...meta, certificate: keyPair('b.example') }), true);
});

test('whatever happens to slices, a snapshot groups those present exactly', () => {
  const step = fc.record({
    name: fc.constantFrom('x', 'y', 'z'),
    serviceName: fc.constantFrom('a', 'b', null),
    build: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const builder = new SnapshotBuilder();
      const expected = new Map<string, EndpointSliceObject>();
      for (const { name, serviceName, build } of steps) {
        const next = serviceName === null ? null : sliceOf(name, serviceName, '10.0.0.1');
        builder.set('EndpointSlice', `shop/${name}`, next);
        if (next === null) expected.delete(name);
        else expected.set(name, next);
        if (build) builder.build();
      }
      const groups = Map.groupBy(
        [...expected.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1)),
        (each) => `shop/${each.serviceName}`,
      );
      assert.deepEqual(new Map(builder.build().endpointSlices), groups);
    }),
  );
});
