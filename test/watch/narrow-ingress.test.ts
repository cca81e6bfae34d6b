/** What an untyped Ingress or IngressClass becomes: a bad part costs only itself, a bad object only itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { IngressObject } from '../../src/model/objects.ts';
import { narrowIngressClass } from '../../src/watch/narrow-class.ts';
import { narrowIngress } from '../../src/watch/narrow-ingress.ts';

type Json = Record<string, unknown>;

const BACKEND = { service: { name: 'cart', port: { number: 80 } } };
const GOOD_PATH = { path: '/good', pathType: 'Prefix', backend: BACKEND };

function ingress(spec: unknown, metadata: Json = {}): Json {
  return { metadata: { name: 'web', namespace: 'shop', ...metadata }, spec };
}

function withPath(path: unknown): Json {
  return ingress({ rules: [{ host: 'shop.example', http: { paths: [path, GOOD_PATH] } }] });
}

function narrowed(raw: unknown): IngressObject {
  const { value, problems } = narrowIngress(raw);
  assert.deepEqual(problems, []);
  assert.ok(value !== null);
  return value;
}

test('an Ingress comes out with every field filled in', () => {
  const raw = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'u1',
      resourceVersion: '12',
      creationTimestamp: '2026-01-02T03:04:05Z',
      annotations: { 'a/b': 'c', 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
    },
    spec: {
      ingressClassName: 'sluice',
      defaultBackend: { resource: { apiGroup: 'k8s.example', kind: 'Bucket', name: 'static' } },
      rules: [
        { host: '*.shop.example', http: { paths: [GOOD_PATH, { pathType: 'Exact', backend: BACKEND }] } },
        { host: 'other.example' },
      ],
      tls: [{ hosts: ['shop.example'], secretName: 'cert' }, {}],
    },
  };
  const { annotations, ...rest } = narrowed(raw);
  assert.deepEqual({ ...annotations }, { 'a/b': 'c' });
  const backend = { kind: 'service', service: 'cart', port: 80 };
  assert.deepEqual(rest, {
    key: 'shop/web',
    namespace: 'shop',
    name: 'web',
    uid: 'u1',
    resourceVersion: '12',
    createdAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    className: 'sluice',
    defaultBackend: { kind: 'resource', resourceKind: 'Bucket', name: 'static' },
    rules: [
      {
        place: 0,
        host: '*.shop.example',
        paths: [
          { place: 0, path: '/good', pathType: 'Prefix', backend },
          { place: 1, path: '/', pathType: 'Exact', backend },
        ],
      },
      { place: 1, host: 'other.example', paths: null },
    ],
    tls: [
      { place: 0, hosts: ['shop.example'], secretName: 'cert' },
      { place: 1, hosts: [], secretName: '' },
    ],
  });
});

test('nulls of the API server count as absent', () => {
  const value = narrowed(ingress({ ingressClassName: null, defaultBackend: BACKEND, rules: null, tls: null }));
  assert.deepEqual([value.className, value.rules, value.tls], [null, [], []]);
});

test('a missing namespace is default and a missing creation time is 0', () => {
  const value = narrowed(ingress({ defaultBackend: BACKEND }, { namespace: undefined, creationTimestamp: null }));
  assert.deepEqual([value.key, value.createdAt], ['default/web', 0]);
});

test('a regular expression passes as an ImplementationSpecific path', () => {
  const path = '/api/v[0-9]+(/|$)(.*)';
  const value = narrowed(withPath({ path, pathType: 'ImplementationSpecific', backend: BACKEND }));
  assert.equal(value.rules[0]?.paths?.[0]?.path, path);
});

const badPaths: readonly { name: string; path: unknown; code: string; field: string; message: RegExp }[] = [
  { name: 'not a map', path: 7, code: 'object-invalid', field: '', message: /is 7; expected an object/ },
  {
    name: 'relative',
    path: { ...GOOD_PATH, path: 'a' },
    code: 'path-invalid',
    field: '.path',
    message: /"a" does not start with/,
  },
  {
    name: 'a number',
    path: { ...GOOD_PATH, path: 5 },
    code: 'path-invalid',
    field: '.path',
    message: /5 is not a text/,
  },
  {
    name: 'with a space',
    path: { ...GOOD_PATH, path: '/a b' },
    code: 'path-invalid',
    field: '.path',
    message: /percent-encoded/,
  },
  {
    name: 'too long',
    path: { ...GOOD_PATH, path: `/${'a'.repeat(5000)}` },
    code: 'path-invalid',
    field: '.path',
    message: /has 5001 characters/,
  },
  {
    name: 'of an unknown type',
    path: { ...GOOD_PATH, pathType: 'Regex' },
    code: 'path-invalid',
    field: '.pathType',
    message: /is "Regex"/,
  },
  {
    name: 'without a backend',
    path: { path: '/', pathType: 'Exact' },
    code: 'backend-invalid',
    field: '.backend',
    message: /expected a service or a resource/,
  },
  {
    name: 'with two backends',
    path: { ...GOOD_PATH, backend: { ...BACKEND, resource: {} } },
    code: 'backend-invalid',
    field: '.backend',
    message: /both a service and a resource/,
  },
  {
    name: 'with a nameless Service',
    path: { ...GOOD_PATH, backend: { service: { port: { number: 80 } } } },
    code: 'backend-invalid',
    field: '.backend.service.name',
    message: /name of a Service/,
  },
  {
    name: 'with a Service name that leaves its namespace',
    path: { ...GOOD_PATH, backend: { service: { name: 'a/b', port: { number: 80 } } } },
    code: 'backend-invalid',
    field: '.backend.service.name',
    message: /"a\/b"/,
  },
  {
    name: 'without a port',
    path: { ...GOOD_PATH, backend: { service: { name: 'a', port: { number: 0, name: '' } } } },
    code: 'backend-invalid',
    field: '.backend.service.port',
    message: /no name and no number/,
  },
  {
    name: 'with port name and number',
    path: { ...GOOD_PATH, backend: { service: { name: 'a', port: { number: 1, name: 'b' } } } },
    code: 'backend-invalid',
    field: '.backend.service.port',
    message: /expected one/,
  },
  {
    name: 'with port 65536',
    path: { ...GOOD_PATH, backend: { service: { name: 'a', port: { number: 65_536 } } } },
    code: 'backend-invalid',
    field: '.backend.service.port.number',
    message: /expected 1 to 65535/,
  },
  {
    name: 'with a bad port name',
    path: { ...GOOD_PATH, backend: { service: { name: 'a', port: { name: 'A_b' } } } },
    code: 'backend-invalid',
    field: '.backend.service.port.name',
    message: /"A_b"/,
  },
  {
    name: 'with an unnamed resource',
    path: { ...GOOD_PATH, backend: { resource: {} } },
    code: 'backend-invalid',
    field: '.backend.resource',
    message: /a kind and a name/,
  },
];

for (const { name, path, code, field, message } of badPaths) {
  test(`a path ${name} is rejected and its neighbour stays`, () => {
    const { value, problems } = narrowIngress(withPath(path));
    assert.deepEqual(
      value?.rules[0]?.paths?.map((each) => each.path),
      ['/good'],
    );
    assert.equal(problems.length, 1);
    assert.equal(problems[0]?.code, code);
    assert.equal(problems[0]?.severity, 'rejected');
    assert.equal(problems[0]?.field, `spec.rules[0].http.paths[0]${field}`);
    assert.match(problems[0]?.message ?? '', message);
  });
}

const badHosts: readonly { host: unknown; message: RegExp }[] = [
  { host: 'Shop.example', message: /has capital letters; write `shop.example`/ },
  { host: '*', message: /leave the host out/ },
  { host: 'a.*.example', message: /first label/ },
  { host: '10.0.0.1', message: /is an IP address/ },
  { host: 'shop.example:80', message: /has a port/ },
  { host: 'shop..example', message: /is not a DNS name/ },
  { host: `${'a'.repeat(64)}.example`, message: /is not a DNS name/ },
  { host: 'shop.example/x', message: /is not a DNS name/ },
  { host: ['shop.example'], message: /is not a text/ },
];

for (const { host, message } of badHosts) {
  test(`host ${JSON.stringify(host).slice(0, 30)} costs its rule and no other`, () => {
    const http = { paths: [GOOD_PATH] };
    const { value, problems } = narrowIngress(
      ingress({
        rules: [
          { host, http },
          { host: 'ok.example', http },
        ],
      }),
    );
    assert.deepEqual(
      value?.rules.map((rule) => rule.host),
      ['ok.example'],
    );
    assert.deepEqual(
      problems.map((problem) => [problem.code, problem.field]),
      [['host-invalid', 'spec.rules[0].host']],
    );
    assert.match(problems[0]?.message ?? '', message);
  });
}

test('a path without a type is of the kind its controller decides on, as before v1', () => {
  const { value, problems } = narrowIngress(
    ingress({ rules: [{ http: { paths: [{ ...GOOD_PATH, pathType: undefined }] } }] }),
  );
  assert.deepEqual(problems, []);
  assert.equal(value?.rules[0]?.paths?.[0]?.pathType, 'ImplementationSpecific');
});

test('entries keep the place they were written at when one before them is refused', () => {
  const { value } = narrowIngress(
    ingress({ rules: [1, { host: 'a.example', http: { paths: [{ path: 'bad' }, GOOD_PATH] } }] }),
  );
  assert.deepEqual(
    value?.rules.map(({ place, paths }) => [place, paths?.map((path) => path.place)]),
    [[1, [1]]],
  );
});

test('a TLS entry whose hosts are all refused is dropped, because without hosts it would speak for every host', () => {
  const { value, problems } = narrowIngress(
    ingress({
      defaultBackend: BACKEND,
      tls: [
        { hosts: ['Bad'], secretName: 'a' },
        { hosts: ['Bad', 'ok.example'], secretName: 'b' },
      ],
    }),
  );
  assert.deepEqual(value?.tls, [{ place: 1, hosts: ['ok.example'], secretName: 'b' }]);
  assert.deepEqual(
    problems.map((problem) => problem.field),
    ['spec.tls[0].hosts[0]', 'spec.tls[1].hosts[0]'],
  );
});

const badObjects: readonly { name: string; raw: unknown; field: string; message: RegExp }[] = [
  { name: 'no object', raw: null, field: '', message: /is nothing; expected an object/ },
  {
    name: 'an old version',
    raw: { ...ingress({}), apiVersion: 'extensions/v1beta1' },
    field: 'apiVersion',
    message: /write networking.k8s.io\/v1/,
  },
  { name: 'another kind', raw: { ...ingress({}), kind: 'Service' }, field: 'kind', message: /expected Ingress/ },
  { name: 'no name', raw: { metadata: {}, spec: {} }, field: 'metadata.name', message: /is nothing/ },
  { name: 'a name with a slash', raw: ingress({}, { name: 'a/b' }), field: 'metadata.name', message: /"a\/b"/ },
  {
    name: 'a bad namespace',
    raw: ingress({}, { namespace: 'A.b' }),
    field: 'metadata.namespace',
    message: /DNS label/,
  },
  { name: 'no spec', raw: ingress(undefined), field: 'spec', message: /expected an object/ },
  {
    name: 'a class that is no text',
    raw: ingress({ ingressClassName: 1 }),
    field: 'spec.ingressClassName',
    message: /is 1/,
  },
];

for (const { name, raw, field, message } of badObjects) {
  test(`an Ingress with ${name} is rejected whole`, () => {
    const { value, problems } = narrowIngress(raw);
    assert.equal(value, null);
    assert.equal(problems.length, 1);
    assert.equal(problems[0]?.field, field);
    assert.match(problems[0]?.message ?? '', message);
  });
}

test('annotations that are no texts are reported and kept, and the key __proto__ is a key like any other', () => {
  const annotations: unknown = JSON.parse('{"a":true,"__proto__":"x","b":"y"}');
  const { value, problems } = narrowIngress(ingress({ defaultBackend: BACKEND }, { annotations }));
  assert.deepEqual(Object.entries(value?.annotations ?? {}), [
    ['a', 'true'],
    ['__proto__', 'x'],
    ['b', 'y'],
  ]);
  assert.deepEqual(
    problems.map((problem) => [problem.code, problem.field]),
    [['annotation-invalid', 'metadata.annotations[a]']],
  );
});

test('an Ingress with a thousand faults is described by a bounded number of Problems', () => {
  const { problems } = narrowIngress(ingress({ rules: Array.from({ length: 1000 }, () => 1) }));
  assert.equal(problems.length, 51);
  assert.match(problems.at(-1)?.message ?? '', /has 950 more problems/);
});

test('an IngressClass comes out with controller and default mark', () => {
  const raw = {
    metadata: { name: 'sluice', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
    spec: { controller: 'sluice.dev/ingress-controller' },
  };
  const { value, problems } = narrowIngressClass(raw);
  assert.deepEqual(problems, []);
  assert.equal(value?.key, 'sluice');
  assert.equal(value?.namespace, '');
  assert.deepEqual([value?.controller, value?.isDefault], ['sluice.dev/ingress-controller', true]);
});

test('an IngressClass without a controller is rejected', () => {
  const { value, problems } = narrowIngressClass({ metadata: { name: 'sluice' }, spec: {} });
  assert.equal(value, null);
  assert.equal(problems[0]?.field, 'spec.controller');
});

test('no value at all makes narrowing throw, and what is refused is explained', () => {
  const nearly = fc.record({
    metadata: fc.record({ name: fc.constantFrom('web', 7), annotations: fc.anything() }),
    spec: fc.record({
      ingressClassName: fc.anything(),
      rules: fc.oneof(fc.anything(), fc.array(fc.record({ host: fc.string(), http: fc.anything() }))),
      tls: fc.oneof(fc.anything(), fc.array(fc.record({ hosts: fc.array(fc.string()), secretName: fc.anything() }))),
      defaultBackend: fc.anything(),
    }),
  });
  fc.assert(
    fc.property(fc.oneof(fc.anything(), nearly), (raw) => {
      for (const { value, problems } of [narrowIngress(raw), narrowIngressClass(raw)]) {
        assert.ok(value !== null || problems.length > 0);
        for (const { message } of problems) assert.ok(message.length < 400, message);
      }
    }),
    { numRuns: 500 },
  );
});
