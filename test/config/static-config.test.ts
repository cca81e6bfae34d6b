/** What the static configuration file compiles to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../../src/config/compile.ts';
import type { CompileSettings } from '../../src/model/compile-settings.ts';
import { type ClientCertificateRule, PLAIN_TRANSPORT, type ProxyConfig } from '../../src/model/proxy-config.ts';
import type { ReleaseConfig } from '../../src/model/release.ts';
import { DEFAULT_ROUTE_POLICY } from '../../src/model/route-policy.ts';
import type { StaticCanary, StaticConfig, StaticRoute, StaticUpstream } from '../../src/model/static-config.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';
import { keyPair, settings, snapshot } from '../support/fixtures.ts';
import { listenerConfig } from '../support/proxy-config.ts';
import { release, releaseState } from '../support/release.ts';

const SOURCE = { kind: 'StaticConfig', namespace: '', name: 'sluice.yaml' };
/** Trusted by a listener. */
const NOBODY = { proxyProtocol: null, trustedProxies: [] };
const RULE: ClientCertificateRule = {
  hosts: ['a.example'],
  mode: 'require',
  ca: { pem: 'pem', fingerprint: 'AA' },
  forwardCertificate: false,
};
const FLAG_LISTENER = listenerConfig('http', { address: '192.0.2.1', port: 8080, advertisedPort: 80 });

function route(path: StaticRoute['path'], part: Partial<StaticRoute> = {}): StaticRoute {
  return {
    host: '',
    path,
    upstream: 'shop',
    canaries: [],
    buckets: null,
    timeouts: { connectMs: null, sendMs: null, responseMs: null, idleMs: null },
    retries: { attempts: null, on: null, timeoutMs: null, nonIdempotent: null, bufferBytes: null },
    requestBuffering: null,
    affinity: null,
    mirror: null,
    maxRequestBodyBytes: null,
    ...part,
  };
}

const upstream: StaticUpstream = {
  ...PLAIN_TRANSPORT,
  ...DEFAULT_UPSTREAM_POLICY,
  endpoints: [{ address: '127.0.0.1', port: 9001, weight: 3 }],
};

function compileStatic(part: Partial<StaticConfig>, flags: Partial<CompileSettings> = {}): ProxyConfig {
  const staticConfig = {
    file: 'sluice.yaml',
    listeners: null,
    upstreams: new Map([['shop', upstream]]),
    routes: [],
    ...part,
  };
  return compile(snapshot({ rest: { staticConfig } }), settings({ listeners: [FLAG_LISTENER], ...flags }));
}

const everything = { kind: 'prefix', value: '/' } as const;

test('a route has the defaults of static routes where the file says nothing', () => {
  const [compiled] = compileStatic({ routes: [route(everything)] }).routes;
  assert.deepEqual(compiled, {
    id: '|prefix|/',
    host: '',
    path: everything,
    conditions: null,
    listeners: null,
    filters: [],
    split: { members: [{ upstream: 'shop', weight: 1, filters: [] }], canaries: [] },
    policy: DEFAULT_ROUTE_POLICY,
    source: SOURCE,
    sourceField: 'routes[0]',
    location: null,
  });
});

test('timeouts, retries and body limit of the file reach the policy', () => {
  const written = route(everything, {
    timeouts: { connectMs: 1, sendMs: 6, responseMs: 2, idleMs: 3 },
    retries: { attempts: 4, on: ['http_503'], timeoutMs: 7, nonIdempotent: true, bufferBytes: 8 },
    requestBuffering: false,
    maxRequestBodyBytes: 5,
  });
  assert.deepEqual(compileStatic({ routes: [written] }).routes[0]?.policy, {
    ...DEFAULT_ROUTE_POLICY,
    connectTimeoutMs: 1,
    sendTimeoutMs: 6,
    responseTimeoutMs: 2,
    idleTimeoutMs: 3,
    retryAttempts: 4,
    retryOn: ['http_503'],
    retryTimeoutMs: 7,
    retryNonIdempotent: true,
    retryBufferBytes: 8,
    streamRequest: true,
    maxRequestBodyBytes: 5,
  });
});

test('canaries keep their order and turn into the same rules as annotations', () => {
  const base: StaticCanary = { upstream: 'next', header: null, cookie: null, match: null, weight: 0, weightTotal: 100 };
  const canaries: readonly StaticCanary[] = [
    { ...base, header: { name: 'X-User', value: 'beta', pattern: null } },
    { ...base, header: { name: 'X-User', value: null, pattern: '^b' } },
    { ...base, header: { name: 'X-Canary', value: null, pattern: null } },
    { ...base, cookie: { name: 'Beta' }, weight: 5, weightTotal: 1000 },
    { ...base, match: { kind: 'method', methods: ['GET'] } },
    { ...base, fallback: true },
    { ...base, fallback: false },
    { ...base, lane: { name: 'v2', header: 'X-Env' } },
    { ...base, lane: { name: 'v2', header: 'X-Env' }, honoursLane: true },
  ];
  const upstreams = new Map([
    ['shop', upstream],
    ['next', upstream],
  ]);
  const [compiled] = compileStatic({ upstreams, routes: [route(everything, { canaries })] }).routes;
  const rule = { upstream: 'next', cookie: null, weight: 0, weightTotal: 100, sticky: true, source: SOURCE };
  assert.deepEqual(compiled?.split.canaries, [
    { ...rule, header: { name: 'x-user', kind: 'exact', value: 'beta' }, sourceField: 'routes[0].canaries[0]' },
    { ...rule, header: { name: 'x-user', kind: 'pattern', value: '^b' }, sourceField: 'routes[0].canaries[1]' },
    { ...rule, header: { name: 'x-canary', kind: 'word', value: '' }, sourceField: 'routes[0].canaries[2]' },
    { ...rule, header: null, cookie: 'Beta', weight: 5, weightTotal: 1000, sourceField: 'routes[0].canaries[3]' },
    { ...rule, header: null, match: { kind: 'method', methods: ['GET'] }, sourceField: 'routes[0].canaries[4]' },
    { ...rule, header: null, fallback: 'always', sourceField: 'routes[0].canaries[5]' },
    { ...rule, header: null, fallback: 'never', sourceField: 'routes[0].canaries[6]' },
    { ...rule, header: null, lane: { name: 'v2', header: 'X-Env' }, sourceField: 'routes[0].canaries[7]' },
    {
      ...rule,
      header: null,
      lane: { name: 'v2', header: 'X-Env' },
      match: { kind: 'value', of: 'header', name: 'x-env', test: 'exact', value: 'v2' },
      sourceField: 'routes[0].canaries[8]',
    },
  ]);
});

test('where a canary honours its lane, requests in that of the route are not divided', () => {
  const lane = { name: 'base', header: 'X-Env' };
  const canary = { ...weightedCanary(5), upstream: 'next', lane: { name: 'v2', header: 'X-Env' } };
  const upstreams = new Map([
    ['shop', upstream],
    ['next', upstream],
  ]);
  const stays = (parts: Partial<StaticRoute>): unknown =>
    compileStatic({ upstreams, routes: [route(everything, parts)] }).routes[0]?.split.stays;
  assert.deepEqual(stays({ lane, canaries: [canary, { ...canary, honoursLane: true }] }), {
    kind: 'value',
    of: 'header',
    name: 'x-env',
    test: 'exact',
    value: 'base',
  });
  assert.equal(stays({ lane, canaries: [canary] }), undefined);
  assert.equal(stays({ canaries: [{ ...canary, honoursLane: true }] }), undefined);
});

function weightedCanary(weight: number, plan?: ReleaseConfig): StaticCanary {
  return {
    upstream: 'shop',
    header: null,
    cookie: null,
    match: null,
    weight,
    weightTotal: 100,
    ...(plan === undefined ? {} : { release: plan }),
  };
}

test('a weight that the scale has no room for is reported where it stands', () => {
  const { problems } = compileStatic({
    routes: [
      route(everything, {
        canaries: [weightedCanary(80), weightedCanary(10), weightedCanary(15), weightedCanary(0, release())],
      }),
    ],
  });
  assert.deepEqual(
    problems.map(({ code, severity, field }) => [code, severity, field]),
    [
      ['canary-invalid', 'warning', 'routes[0].canaries[2].weight'],
      ['canary-invalid', 'warning', 'routes[0].canaries[3].plan'],
    ],
  );
});

test('a canary with a plan has the share of the step in force, as the state laid over the file says', () => {
  const canary = { upstream: 'next', header: null, cookie: null, match: null, weight: 0, weightTotal: 100 };
  const weightOf = (parts: Partial<ReleaseConfig>): string => {
    const canaries = [{ ...canary, release: release(parts) }];
    const upstreams = new Map([
      ['shop', upstream],
      ['next', upstream],
    ]);
    const [compiled] = compileStatic({ upstreams, routes: [route(everything, { canaries })] }).routes;
    const [made] = compiled?.split.canaries ?? [];
    return `${made?.weight} of ${made?.weightTotal}`;
  };
  assert.equal(weightOf({}), '0 of 100000');
  assert.equal(weightOf({ state: releaseState({ step: 1 }) }), '25000 of 100000');
  assert.equal(weightOf({ state: releaseState({ phase: 'aborted' }) }), '0 of 100000');
});

test('an upstream nothing refers to is kept, and follows no service', () => {
  assert.deepEqual(compileStatic({}).upstreams, [{ id: 'shop', ...upstream, backend: null, source: SOURCE }]);
});

test('paths are normalised, a regex is left alone, and the first of two equal routes counts', () => {
  const { routes, problems } = compileStatic({
    routes: [
      route({ kind: 'exact', value: '/%61' }),
      route({ kind: 'exact', value: '/a' }),
      route({ kind: 'regex', value: '/%61.*' }),
      route({ kind: 'prefix', value: '/../up' }),
    ],
  });
  assert.deepEqual(
    routes.map((compiled) => compiled.id),
    ['|regex|/%61.*', '|exact|/a'],
  );
  assert.deepEqual(
    problems.map(({ code, field }) => [code, field]),
    [
      ['path-conflict', 'routes[1]'],
      ['path-invalid', 'routes[3].path'],
    ],
  );
});

test('without listeners in the file the flags decide', () => {
  assert.deepEqual(compileStatic({}).listeners, [FLAG_LISTENER]);
});

test('listeners of the file replace those of the flags and take their address where they name none', () => {
  const { listeners } = compileStatic({
    listeners: [
      { ...NOBODY, name: 'web', address: null, port: 8080, tls: null },
      {
        name: 'websecure',
        address: '127.0.0.1',
        port: 8443,
        tls: { certificates: [keyPair('a.example')], clientCertificates: RULE },
        proxyProtocol: { trusted: ['192.0.2.0/24'] },
        trustedProxies: ['10.0.0.0/8'],
      },
    ],
  });
  assert.deepEqual(listeners, [
    listenerConfig('web', { address: '192.0.2.1', port: 8080 }),
    listenerConfig('websecure', {
      protocol: 'https',
      port: 8443,
      proxyProtocol: { trusted: ['192.0.2.0/24'] },
      trustedProxies: ['10.0.0.0/8'],
      clientCertificates: [RULE],
    }),
  ]);
});

test('the first certificate is the default, a name belongs to the first that has it, and none stands twice', () => {
  const first = keyPair('a.example');
  const second = keyPair('a.example', 'b.example');
  const { certificates } = compileStatic(
    {
      listeners: [
        {
          ...NOBODY,
          name: 'tls',
          address: null,
          port: 0,
          tls: { certificates: [first, second, first], clientCertificates: null },
        },
      ],
    },
    { fallbackCertificate: keyPair() },
  );
  assert.deepEqual(
    certificates.map(({ id, hosts, isDefault }) => ({ id, hosts, isDefault })),
    [
      { id: first.fingerprint, hosts: ['a.example'], isDefault: true },
      { id: second.fingerprint, hosts: ['b.example'], isDefault: false },
    ],
  );
});

test('https from the flags alone is served with the fallback certificate', () => {
  const { certificates } = compileStatic({}, { fallbackCertificate: keyPair() });
  assert.deepEqual(
    certificates.map(({ id, isDefault }) => [id, isDefault]),
    [['fallback', true]],
  );
});

test('settings that speak of Kubernetes objects mean nothing to a static file', () => {
  const { problems } = compileStatic({}, { defaultBackendService: 'a/b', defaultTlsSecret: 'a/b' });
  assert.deepEqual(problems, []);
});
