/** EndpointSlices, Endpoints, Services and Secrets: absent conditions, null lists, odd addresses, and what is ignored. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { narrow } from '../../src/watch/narrow.ts';
import { narrowEndpointSlice, narrowEndpoints } from '../../src/watch/narrow-endpoints.ts';
import { narrowSecret } from '../../src/watch/narrow-secret.ts';
import { narrowService } from '../../src/watch/narrow-service.ts';
import { OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY } from './key-pair-fixtures.ts';

type Json = Record<string, unknown>;

function slice(fields: Json, labels: unknown = { 'kubernetes.io/service-name': 'cart' }): Json {
  return { metadata: { name: 'cart-x1', namespace: 'shop', labels }, addressType: 'IPv4', ...fields };
}

const conditions: readonly { name: string; conditions: unknown; expected: readonly boolean[] }[] = [
  { name: 'absent', conditions: undefined, expected: [true, true, false] },
  { name: 'empty', conditions: {}, expected: [true, true, false] },
  { name: 'null', conditions: { ready: null, serving: null, terminating: null }, expected: [true, true, false] },
  {
    name: 'terminating',
    conditions: { ready: false, serving: true, terminating: true },
    expected: [false, true, true],
  },
  {
    name: 'not ready',
    conditions: { ready: false, serving: false, terminating: false },
    expected: [false, false, false],
  },
];

for (const c of conditions) {
  test(`conditions ${c.name} read as ready, serving, terminating = ${c.expected.join(', ')}`, () => {
    const { value } = narrowEndpointSlice(
      slice({ endpoints: [{ addresses: ['10.0.0.1'], conditions: c.conditions }] }),
    );
    const [endpoint] = value?.endpoints ?? [];
    assert.deepEqual([endpoint?.ready, endpoint?.serving, endpoint?.terminating], c.expected);
  });
}

test('only the first address of an endpoint counts, with the zones it is for', () => {
  const raw = slice({
    endpoints: [
      {
        addresses: ['10.0.0.1', '10.0.0.2'],
        nodeName: 'n1',
        zone: 'z1',
        hints: { forZones: [{ name: 'z1' }, {}, null] },
      },
    ],
  });
  const { value, problems } = narrowEndpointSlice(raw);
  assert.deepEqual(problems, []);
  const state = { ready: true, serving: true, terminating: false };
  assert.deepEqual(value?.endpoints, [{ address: '10.0.0.1', ...state, hintZones: ['z1'] }]);
});

test('null lists of a slice are empty, and ports without a number are skipped in silence', () => {
  assert.deepEqual(narrowEndpointSlice(slice({ endpoints: null, ports: null })).problems, []);
  const ports = [
    { name: null, port: 80, protocol: null },
    { port: null },
    { port: 0 },
    {},
    { name: 'u', port: 53, protocol: 'UDP' },
  ];
  const { value, problems } = narrowEndpointSlice(slice({ endpoints: null, ports }));
  assert.deepEqual(problems, []);
  assert.deepEqual(value?.ports, [
    { name: '', port: 80, protocol: 'TCP', appProtocol: '' },
    { name: 'u', port: 53, protocol: 'UDP', appProtocol: '' },
  ]);
});

test('slices of type FQDN and slices without a Service are ignored without a word', () => {
  for (const raw of [slice({ addressType: 'FQDN' }), slice({}, {}), slice({}, null)]) {
    assert.deepEqual(narrowEndpointSlice(raw), { value: null, problems: [] });
  }
});

test('IPv6 addresses come out in canonical form', () => {
  const raw = slice({ addressType: 'IPv6', endpoints: [{ addresses: ['2001:DB8:0:0:0:0:0:1'] }] });
  assert.equal(narrowEndpointSlice(raw).value?.endpoints[0]?.address, '2001:db8::1');
});

for (const address of ['10.0.0.01', 'pod.example', 'fe80::1%eth0', '2001:db8::1', '', null, 7]) {
  test(`the address ${JSON.stringify(address)} in an IPv4 slice is dropped with a Problem`, () => {
    const { value, problems } = narrowEndpointSlice(
      slice({ endpoints: [{ addresses: [address] }, { addresses: ['10.0.0.9'] }] }),
    );
    assert.deepEqual(
      value?.endpoints.map((endpoint) => endpoint.address),
      ['10.0.0.9'],
    );
    assert.deepEqual(
      problems.map((problem) => problem.field),
      ['endpoints[0].addresses[0]'],
    );
  });
}

const refused: readonly { name: string; raw: Json; field: string }[] = [
  { name: 'an unknown address type', raw: slice({ addressType: 'IPv5' }), field: 'addressType' },
  { name: 'a port of 65536', raw: slice({ ports: [{ port: 65_536 }] }), field: 'ports[0].port' },
  { name: 'an unknown protocol', raw: slice({ ports: [{ port: 1, protocol: 'ICMP' }] }), field: 'ports[0].protocol' },
  { name: 'endpoints that are no list', raw: slice({ endpoints: {} }), field: 'endpoints' },
];

for (const { name, raw, field } of refused) {
  test(`a slice with ${name} is reported`, () => {
    assert.deepEqual(
      narrowEndpointSlice(raw).problems.map((problem) => problem.field),
      [field],
    );
  });
}

test('Endpoints become one slice per subset and family', () => {
  const { value, problems } = narrowEndpoints({
    metadata: { name: 'cart', namespace: 'shop' },
    subsets: [
      { addresses: [{ ip: '10.0.0.1' }], notReadyAddresses: [{ ip: '10.0.0.2' }], ports: [{ name: 'http', port: 80 }] },
      { addresses: [{ ip: '10.0.0.3' }, { ip: '2001:db8::3' }], ports: [{ port: 81 }] },
      { addresses: null, ports: null },
    ],
  });
  assert.deepEqual(problems, []);
  const seen = value?.map(({ key, serviceName, addressType, ports, endpoints }) => {
    return [key, serviceName, addressType, ports[0]?.port, endpoints.map((each) => `${each.address} ${each.ready}`)];
  });
  assert.deepEqual(seen, [
    ['shop/cart#0', 'cart', 'IPv4', 80, ['10.0.0.1 true', '10.0.0.2 false']],
    ['shop/cart#1', 'cart', 'IPv4', 81, ['10.0.0.3 true']],
    ['shop/cart#2', 'cart', 'IPv6', 81, ['2001:db8::3 true']],
  ]);
  assert.deepEqual(narrowEndpoints({ metadata: { name: 'cart' } }).value, []);
});

test('a Service comes out with defaults, and a bad port costs only itself', () => {
  const { value, problems } = narrowService({
    metadata: { name: 'cart', namespace: 'shop' },
    spec: {
      clusterIP: '10.1.0.1',
      ipFamilies: ['IPv6', 'IPv5', 'IPv4'],
      ports: [
        { port: 80 },
        { name: 'web', port: 81, targetPort: 'http', protocol: 'TCP', appProtocol: 'h2c' },
        { port: 82, targetPort: 8082 },
        { port: 0 },
        { port: 83, targetPort: 70_000 },
        { port: 84, protocol: 'ICMP' },
      ],
    },
  });
  assert.deepEqual([value?.type, value?.clusterIP, value?.ipFamilies], ['ClusterIP', '10.1.0.1', ['IPv6', 'IPv4']]);
  assert.deepEqual(value?.ports, [
    { name: '', port: 80, targetPort: '80', protocol: 'TCP', appProtocol: '' },
    { name: 'web', port: 81, targetPort: 'http', protocol: 'TCP', appProtocol: 'h2c' },
    { name: '', port: 82, targetPort: '8082', protocol: 'TCP', appProtocol: '' },
  ]);
  assert.deepEqual(
    problems.map((problem) => problem.field),
    ['spec.ports[3].port', 'spec.ports[4].targetPort', 'spec.ports[5].protocol'],
  );
});

const externalNames: readonly { externalName: unknown; accepted: boolean }[] = [
  { externalName: 'db.example.com', accepted: true },
  { externalName: 'db.example.com.', accepted: true },
  { externalName: '', accepted: false },
  { externalName: 'a b', accepted: false },
  { externalName: undefined, accepted: false },
];

for (const { externalName, accepted } of externalNames) {
  test(`an ExternalName Service to ${JSON.stringify(externalName)} is ${accepted ? 'accepted' : 'rejected'}`, () => {
    const { value, problems } = narrowService({
      metadata: { name: 'db' },
      spec: { type: 'ExternalName', externalName },
    });
    assert.equal(value?.externalName ?? null, accepted ? externalName : null);
    assert.deepEqual(
      problems.map((problem) => problem.field),
      accepted ? [] : ['spec.externalName'],
    );
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function secret(fields: Json): Json {
  return { metadata: { name: 'cert', namespace: 'shop' }, ...fields };
}

test('a TLS Secret is read from data and from stringData', () => {
  const data = { 'tls.crt': base64(SHOP_CERT), 'tls.key': base64(SHOP_KEY) };
  const stringData = { 'tls.crt': SHOP_CERT, 'tls.key': SHOP_KEY };
  for (const fields of [
    { type: 'kubernetes.io/tls', data },
    { type: 'Opaque', data },
    { data: null, stringData },
  ]) {
    const { value, problems } = narrowSecret(secret(fields));
    assert.deepEqual(problems, []);
    assert.deepEqual(value?.certificate?.dnsNames, ['shop.example', '*.shop.example']);
    assert.equal(value?.invalidReason, '');
  }
});

test('a TLS Secret that cannot be used says why without being a Problem', () => {
  const wrongKey = { 'tls.crt': base64(SHOP_CERT), 'tls.key': base64(OTHER_KEY) };
  const cases: readonly [Json, RegExp][] = [
    [{ type: 'kubernetes.io/tls', data: { 'tls.key': '' } }, /has no tls.crt/],
    [{ type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }, /has no tls.key/],
    [{ type: 'kubernetes.io/tls', data: { 'tls.crt': '!!', 'tls.key': '' } }, /has no -----BEGIN CERTIFICATE-----/],
    [{ type: 'kubernetes.io/tls', data: wrongKey }, /does not belong/],
  ];
  for (const [fields, reason] of cases) {
    const { value, problems } = narrowSecret(secret(fields));
    assert.deepEqual(problems, []);
    assert.equal(value?.certificate, null);
    assert.match(value?.invalidReason ?? '', reason);
  }
});

test('a Secret of any type with certificates to trust is read, a service account token is not', () => {
  const data = { 'ca.crt': base64(`a comment\n${OTHER_CERT}${SHOP_CERT}`) };
  const { value } = narrowSecret(secret({ type: 'Opaque', data }));
  assert.equal(value?.caPem?.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assert.doesNotMatch(value?.caPem ?? '', /comment/);
  assert.deepEqual([value?.hasKeyPair, value?.certificate, value?.authoritiesFault], [false, null, '']);
  assert.equal(narrowSecret(secret({ type: 'kubernetes.io/service-account-token', data })).value, null);
  const broken = narrowSecret(secret({ data: { 'ca.crt': base64('nothing') } })).value;
  assert.equal(broken?.caPem, null);
  assert.match(broken?.authoritiesFault ?? '', /^ca\.crt has no -----BEGIN CERTIFICATE/);
});

test('other Secrets are ignored without a word, even broken ones', () => {
  for (const raw of [secret({ type: 'Opaque', data: { password: 'eA==' } }), { metadata: { name: 'A/B' } }, 7]) {
    assert.deepEqual(narrowSecret(raw), { value: null, problems: [] });
  }
});

const kinds: readonly { apiVersion: unknown; kind: unknown; expected: string | null }[] = [
  { apiVersion: 'v1', kind: 'Service', expected: 'Service' },
  { apiVersion: 'serving.knative.dev/v1', kind: 'Service', expected: null },
  { apiVersion: 'networking.internal.knative.dev/v1alpha1', kind: 'Ingress', expected: null },
  { apiVersion: 'extensions/v1beta1', kind: 'Ingress', expected: 'Ingress' },
  { apiVersion: 'apps/v1', kind: 'Deployment', expected: null },
  { apiVersion: undefined, kind: 'Service', expected: null },
  { apiVersion: 'v1', kind: 'constructor', expected: null },
  { apiVersion: 7, kind: [], expected: null },
];

for (const { apiVersion, kind, expected } of kinds) {
  test(`${String(apiVersion)} ${String(kind)} is ${expected ?? 'of no kind we read'}`, () => {
    assert.equal(narrow({ apiVersion, kind, metadata: { name: 'x' }, spec: {} })?.kind ?? null, expected);
  });
}

test('no value at all makes the narrowing of any kind throw', () => {
  const list = fc.oneof(fc.anything(), fc.array(fc.anything()));
  const nearly = fc.record({
    apiVersion: fc.constantFrom('v1', 'discovery.k8s.io/v1', 'networking.k8s.io/v1'),
    kind: fc.constantFrom('Service', 'Endpoints', 'EndpointSlice', 'Secret', 'Ingress', 'IngressClass'),
    metadata: fc.record({ name: fc.constant('a'), labels: fc.constant({ 'kubernetes.io/service-name': 'a' }) }),
    type: fc.constantFrom('kubernetes.io/tls', 7),
    addressType: fc.constantFrom('IPv4', 'IPv6'),
    data: fc.oneof(fc.anything(), fc.record({ 'tls.crt': fc.anything(), 'tls.key': fc.anything() })),
    ports: list,
    endpoints: list,
    subsets: fc.oneof(list, fc.array(fc.record({ addresses: list, notReadyAddresses: list, ports: list }))),
    spec: fc.record({ ports: list, type: fc.anything(), ipFamilies: list }),
  });
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.jsonValue(), nearly), (raw) => {
      narrow(raw);
      for (const each of [narrowService, narrowEndpoints, narrowEndpointSlice, narrowSecret]) {
        assert.ok(Array.isArray(each(raw).problems));
      }
    }),
    { numRuns: 500 },
  );
});
