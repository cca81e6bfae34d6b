/** Single behaviours of the compiler that need many objects or settings, or have no Kubernetes form. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateCovers } from '../../src/config/certificate-covers.ts';
import { compile } from '../../src/config/compile.ts';
import { compileEndpoints, withEndpoints } from '../../src/config/compile-endpoints.ts';
import { CompileMemory } from '../../src/config/compile-memory.ts';
import type { IngressObject } from '../../src/model/objects.ts';
import { canary, ingress, keyPair, service, settings, slice, snapshot, tlsSecret } from '../support/fixtures.ts';

test('the generation is the revision, and the problems of the source come first', () => {
  const own = {
    code: 'file-unreadable',
    severity: 'rejected',
    source: { kind: 'StaticConfig', namespace: '', name: 'z' },
    field: '',
    message: 'gone',
    location: null,
  } as const;
  const objects = snapshot({
    ingresses: [ingress('shop/web').rule('a.example', '/', 'gone:80')],
    rest: { revision: 7, problems: [own] },
  });
  const { generation, problems } = compile(objects, settings());
  assert.equal(generation, 7);
  assert.deepEqual(
    problems.map((problem) => problem.code),
    ['file-unreadable', 'reference-not-found'],
  );
});

test('a fault of a backend that many hosts share is told once', () => {
  const web = ingress('shop/web').defaultBackend('gone:80').host('a.example').host('b.example');
  const { problems, routes } = compile(snapshot({ ingresses: [web] }), settings());
  assert.equal(problems.length, 1);
  assert.equal(routes.length, 2);
});

test('one route has at most 32 canaries, and the rest are reported', () => {
  const canaries = Array.from({ length: 40 }, (_, i) =>
    canary(`shop/c${i}`, 'a.example', '/', `next-${i}:80`).createdAt(i),
  );
  const main = ingress('shop/web').rule('a.example', '/', 'main:80').createdAt(99);
  const { routes, problems } = compile(snapshot({ ingresses: [main, ...canaries] }), settings());
  assert.equal(routes[0]?.split.canaries.length, 32);
  assert.equal(problems.filter((problem) => problem.code === 'canary-invalid').length, 8);
});

for (const [annotations, message] of [
  [{ 'canary-by-header-value': 'x' }, 'canary-by-header-value has no effect without canary-by-header'],
  [{ 'canary-by-header-pattern': 'x' }, 'canary-by-header-pattern has no effect without canary-by-header'],
] as const) {
  test(message, () => {
    const main = ingress('shop/web').rule('a.example', '/', 'main:80');
    const next = canary('shop/next', 'a.example', '/', 'next:80').annotate(annotations);
    const services = [service('shop/main'), service('shop/next')];
    const { problems, routes } = compile(snapshot({ ingresses: [main, next], services }), settings());
    assert.deepEqual(
      problems.map((problem) => problem.message),
      [message],
    );
    assert.equal(routes[0]?.split.canaries[0]?.header, null);
  });
}

test('a canary default backend without anything to accompany is reported', () => {
  const lonely = ingress('shop/next').annotate({ canary: 'true' }).defaultBackend('next:80');
  const { problems } = compile(snapshot({ ingresses: [lonely] }), settings());
  assert.deepEqual(
    problems.map((problem) => [problem.code, problem.field]),
    [['canary-invalid', 'spec.defaultBackend']],
  );
});

test('a canary path that goes to a resource is reported and dropped', () => {
  const main = ingress('shop/web').rule('a.example', '/', 'main:80');
  const next = ingress('shop/next').annotate({ canary: 'true' }).resourceRule('a.example', '/');
  const { routes, problems } = compile(
    snapshot({ ingresses: [main, next], services: [service('shop/main')] }),
    settings(),
  );
  assert.deepEqual(routes[0]?.split.canaries, []);
  assert.deepEqual(
    problems.map((problem) => problem.code),
    ['backend-invalid'],
  );
});

test('a default backend service of the settings that cannot serve is reported, and nothing is routed to it', () => {
  const web = ingress('shop/web').rule('a.example', '/x', 'main:80');
  const services = [service('shop/main'), service('system/portless', { ports: [] })];
  for (const [defaultBackendService, code] of [
    ['system/gone', 'reference-not-found'],
    ['system/portless', 'port-not-found'],
  ] as const) {
    const { routes, problems } = compile(snapshot({ ingresses: [web], services }), settings({ defaultBackendService }));
    assert.deepEqual(
      routes.map((route) => route.id),
      ['a.example|prefix|/x'],
    );
    assert.deepEqual(
      problems.map((problem) => problem.code),
      [code],
    );
  }
});

test('a default certificate that cannot be used gives way to the fallback', () => {
  const flags = settings({ defaultTlsSecret: 'system/gone', fallbackCertificate: keyPair() });
  const { certificates, problems } = compile(snapshot({}), flags);
  assert.deepEqual(
    certificates.map(({ id, isDefault }) => [id, isDefault]),
    [['fallback', true]],
  );
  assert.deepEqual(
    problems.map((problem) => problem.code),
    ['reference-not-found'],
  );
});

test('a broken default certificate is told apart from a missing one', () => {
  const broken = { ...tlsSecret('system/tls'), certificate: null, invalidReason: 'has no tls.key' };
  const { certificates, problems } = compile(
    snapshot({ secrets: [broken] }),
    settings({ defaultTlsSecret: 'system/tls' }),
  );
  assert.deepEqual(certificates, []);
  assert.deepEqual(
    problems.map((problem) => problem.code),
    ['certificate-invalid'],
  );
});

for (const [dnsNames, host, expected] of [
  [['a.example'], 'a.example', true],
  [['*.example'], 'a.example', true],
  [['*.example'], 'a.b.example', false],
  [['*.example'], 'example', false],
  [['*.example'], '*.example', true],
  [['*.b.example'], '*.example', false],
  [['a.example'], '*.example', false],
  [[], 'a.example', false],
] as const) {
  test(`a certificate for ${dnsNames.join() || 'nobody'} ${expected ? 'covers' : 'does not cover'} ${host}`, () => {
    assert.equal(certificateCovers(dnsNames, host), expected);
  });
}

test('the short road leaves a configuration alone when nothing moved, and upstreams that follow no service', () => {
  const objects = snapshot({
    ingresses: [ingress('shop/web').rule('a.example', '/', 'main:80').host('b.example')],
    services: [service('shop/main')],
    slices: [slice('shop/main', ['10.0.0.1'])],
  });
  const running = compile(objects, settings());
  assert.deepEqual(compileEndpoints(objects, running, new CompileMemory(settings())), []);
  assert.equal(withEndpoints(running, []), running);
});

test('ten thousand ingresses compile in far less than a second', () => {
  const ingresses: IngressObject[] = [];
  const services = [];
  const slices = [];
  for (let i = 0; i < 10_000; i++) {
    const host = `host-${i}.example`;
    ingresses.push(
      (i % 10 === 9
        ? canary(`shop/web-${i}`, `host-${i - 1}.example`, '/', `main-${i}:80`)
        : ingress(`shop/web-${i}`).rule(host, '/', `main-${i}:80`)
      )
        .annotate({ 'proxy-body-size': '8m', 'enable-cors': 'true' })
        .createdAt(i % 7)
        .tls('wild', host)
        .build(),
    );
    services.push(service(`shop/main-${i}`));
    slices.push(slice(`shop/main-${i}`, ['10.0.0.1', '10.0.0.2', '10.0.0.3']));
  }
  const objects = snapshot({ ingresses, services, slices, secrets: [tlsSecret('shop/wild', '*.example')] });
  const startedMs = performance.now();
  const config = compile(objects, settings());
  const elapsedMs = performance.now() - startedMs;
  assert.equal(config.routes.length, 9_000);
  // A quadratic step would take minutes; the margin is for slow machines under load.
  assert.ok(elapsedMs < 5_000, `took ${elapsedMs} ms`);
});
