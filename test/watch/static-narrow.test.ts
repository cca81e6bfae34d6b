/** The static configuration file as text: what it becomes, and that every mistake is found at once and in its place. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { DEFAULT_HEALTH_CHECK } from '../../src/model/health-check.ts';
import { PLAIN_TRANSPORT } from '../../src/model/proxy-config.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';
import { narrowStaticConfig, type StaticNarrowed } from '../../src/watch/static-narrow.ts';
import { OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY } from './key-pair-fixtures.ts';
import { makeDirectory } from './source-fixture.ts';

const NOW = Date.UTC(2026, 0, 1);

function narrow(text: string, file = 'sluice.yaml', nowAt = NOW): Promise<StaticNarrowed> {
  return narrowStaticConfig(text, { file, nowAt });
}

/** `line:column field: message` of each problem. */
async function problemsOf(text: string): Promise<readonly string[]> {
  const { problems } = await narrow(text);
  return problems.map(({ location, field, message }) => `${location?.line}:${location?.column} ${field}: ${message}`);
}

const FULL = `
listeners:
  - { name: web, port: 8080 }
  - { name: local, address: 127.0.0.1, port: 0, proxyProtocol: { trusted: [10.0.0.0/8, "::1"] }, trustedProxies: [192.0.2.1] }
upstreams:
  shop:
    endpoints:
      - { address: 127.0.0.1:9001, weight: 3 }
      - { address: "[2001:DB8:0::1]:9002" }
      - { address: Shop_1.internal:80, weight: 0 }
    healthCheck: { path: /healthz, timeout: 500ms, unhealthyAfter: 2 }
  shop-next: { endpoints: [], balancer: round-robin }
routes:
  - host: Shop.example
    upstream: shop
    canaries:
      - { upstream: shop-next, header: { name: X-Canary, value: always } }
      - { upstream: shop-next, header: { name: X-Canary, pattern: "^a+$" }, cookie: { name: c } }
      - { upstream: shop-next, weight: 5 }
      - { upstream: shop-next, weight: 1, weightTotal: 1000, fallback: false }
      - { upstream: shop-next, lane: { name: v2, header: X-Env, honour: true } }
    lane: { name: base }
    timeouts: { connect: 250ms, response: 1.5m }
    retries: { attempts: 1 }
    maxBodySize: 10MiB
  - host: "*.shop.example"
    path: { exact: /a%2Fb }
    upstream: shop
  - { path: { regex: "/v[0-9]+/.*" }, upstream: shop, maxBodySize: 0 }
`;

test('a full file comes out with units, defaults and canonical addresses', async () => {
  const { config, problems } = await narrow(FULL);
  assert.deepEqual(problems, []);
  assert.ok(config !== null);
  assert.deepEqual(config.listeners, [
    { name: 'web', address: null, port: 8080, tls: null, proxyProtocol: null, trustedProxies: [] },
    {
      name: 'local',
      address: '127.0.0.1',
      port: 0,
      tls: null,
      proxyProtocol: { trusted: ['10.0.0.0/8', '::1'] },
      trustedProxies: ['192.0.2.1'],
    },
  ]);
  assert.deepEqual(config.upstreams.get('shop'), {
    ...PLAIN_TRANSPORT,
    ...DEFAULT_UPSTREAM_POLICY,
    endpoints: [
      { address: '127.0.0.1', port: 9001, weight: 3 },
      { address: '2001:db8::1', port: 9002, weight: 1 },
      { address: 'shop_1.internal', port: 80, weight: 0 },
    ],
    healthCheck: { ...DEFAULT_HEALTH_CHECK, path: '/healthz', timeoutMs: 500, unhealthyAfter: 2 },
  });
  assert.deepEqual(config.upstreams.get('shop-next'), {
    ...PLAIN_TRANSPORT,
    ...DEFAULT_UPSTREAM_POLICY,
    endpoints: [],
  });
  const none = { connectMs: null, sendMs: null, responseMs: null, idleMs: null };
  const noRetries = { attempts: null, on: null, timeoutMs: null, nonIdempotent: null, bufferBytes: null };
  const rest = { retries: noRetries, requestBuffering: null, affinity: null, mirror: null, maxRequestBodyBytes: null };
  const canary = { upstream: 'shop-next', header: null, cookie: null, match: null, weight: 0, weightTotal: 100 };
  assert.deepEqual(config.routes, [
    {
      host: 'shop.example',
      path: { kind: 'prefix', value: '/' },
      upstream: 'shop',
      canaries: [
        { ...canary, header: { name: 'X-Canary', value: 'always', pattern: null } },
        { ...canary, header: { name: 'X-Canary', value: null, pattern: '^a+$' }, cookie: { name: 'c' } },
        { ...canary, weight: 5 },
        { ...canary, weight: 1, weightTotal: 1000, fallback: false },
        { ...canary, lane: { name: 'v2', header: 'X-Env' }, honoursLane: true },
      ],
      buckets: null,
      timeouts: { ...none, connectMs: 250, responseMs: 90_000 },
      retries: { ...noRetries, attempts: 1 },
      requestBuffering: null,
      affinity: null,
      mirror: null,
      maxRequestBodyBytes: 10 * 2 ** 20,
      lane: { name: 'base', header: 'X-Sluice-Lane' },
    },
    {
      host: '*.shop.example',
      path: { kind: 'exact', value: '/a%2Fb' },
      upstream: 'shop',
      canaries: [],
      buckets: null,
      timeouts: none,
      ...rest,
    },
    {
      host: '',
      path: { kind: 'regex', value: '/v[0-9]+/.*' },
      upstream: 'shop',
      canaries: [],
      buckets: null,
      timeouts: none,
      ...rest,
      maxRequestBodyBytes: 0,
    },
  ]);
});

test('a number of bytes may be written as text, 0 too', async () => {
  for (const [written, bytes] of [
    ['"0"', 0],
    ['"4096"', 4_096],
    ['0', 0],
  ] as const) {
    const { config, problems } = await narrow(`
upstreams: { shop: { endpoints: [{ address: "127.0.0.1:1" }] } }
routes: [{ upstream: shop, retries: { buffer: ${written} } }]
`);
    assert.deepEqual(problems, []);
    assert.equal(config?.routes[0]?.retries.bufferBytes, bytes);
  }
  const negative = await problemsOf(`
upstreams: { shop: { endpoints: [{ address: "127.0.0.1:1" }] } }
routes: [{ upstream: shop, retries: { buffer: "-1" } }]
`);
  assert.match(negative.join(), /is "-1"; expected a size such as `512KiB`/);
});

test('without listeners the flags decide', async () => {
  const { config } = await narrow('routes: []');
  assert.deepEqual([config?.listeners, config?.routes, config?.upstreams.size], [null, [], 0]);
});

test('five mistakes are five problems, in the order of the file, each in its place', async () => {
  const text = `upstreams:
  shop: { endpoints: [ { address: 127.0.0.1:90010 } ] }
  next:
    endpoints: []
    balancr: round-robin
routes:
  - host: shop.example
    upstream: shp
    timeouts:
      connect: 5
    canaries:
      - { upstream: next, weight: -1 }
`;
  assert.deepEqual(await problemsOf(text), [
    '2:35 upstreams.shop.endpoints[0].address: is "127.0.0.1:90010"; expected `address:port`, such as `10.0.0.7:8080`, `[2001:db8::7]:8080` or `shop.internal:8080`',
    '5:5 upstreams.next.balancr: unknown key `balancr`; did you mean `balancer`?',
    '8:15 routes[0].upstream: there is no upstream "shp"; did you mean `shop`?',
    '10:16 routes[0].timeouts.connect: is 5; expected a duration from `1ms` to `24h`, such as `250ms`, `2s` or `1m`',
    '12:35 routes[0].canaries[0].weight: is -1; expected a whole number from 0 to 1000000',
  ]);
});

const UPSTREAMS = 'upstreams: { a: { endpoints: [] } }\n';
const route = (fields: string): string => `${UPSTREAMS}routes: [ { upstream: a, ${fields} } ]`;
const upstream = (fields: string): string => `upstreams: { a: { endpoints: [], ${fields} } }`;

const mistakes: readonly { name: string; text: string; expected: readonly (readonly [string, RegExp])[] }[] = [
  {
    name: 'a misspelt required key',
    text: `${UPSTREAMS}routes: [ { upsteam: a } ]`,
    expected: [['routes[0].upsteam', /did you mean `upstream`\?/]],
  },
  {
    name: 'a key nothing is near to',
    text: route('zzz: 1'),
    expected: [['routes[0].zzz', /known here: host, path, upstream/]],
  },
  {
    name: 'a missing required key',
    text: 'routes: [ {} ]',
    expected: [['routes[0].upstream', /is missing; expected the name of an upstream/]],
  },
  { name: 'an empty value', text: 'routes:', expected: [['routes', /is empty; expected a list/]] },
  { name: 'a map for a list', text: 'routes: {}', expected: [['routes', /is a map; expected a list/]] },
  { name: 'a text for the whole', text: 'hello', expected: [['', /is "hello"; expected a map/]] },
  {
    name: 'a decimal size unit',
    text: route('maxBodySize: 5MB'),
    expected: [['routes[0].maxBodySize', /is "5MB"; expected a size such as `512KiB`/]],
  },
  { name: 'half a byte', text: route('maxBodySize: 1.5'), expected: [['routes[0].maxBodySize', /is 1.5/]] },
  {
    name: 'a duration of a year',
    text: route('timeouts: { idle: 8760h }'),
    expected: [['routes[0].timeouts.idle', /from `1ms` to `24h`/]],
  },
  {
    name: 'a duration of nothing',
    text: route('timeouts: { idle: 0s }'),
    expected: [['routes[0].timeouts.idle', /is "0s"/]],
  },
  {
    name: 'no attempts',
    text: route('retries: { attempts: 0 }'),
    expected: [['routes[0].retries.attempts', /from 1 to 10/]],
  },
  {
    name: 'a wildcard inside a host',
    text: route('host: "a.*.example"'),
    expected: [['routes[0].host', /expected a host such as/]],
  },
  {
    name: 'a wildcard over an address',
    text: route('host: "*.10.0.0.1"'),
    expected: [['routes[0].host', /expected a host such as/]],
  },
  {
    name: 'a relative path',
    text: route('path: { prefix: a }'),
    expected: [['routes[0].path.prefix', /starts with `\/`/]],
  },
  {
    name: 'two kinds of path',
    text: route('path: { prefix: /, exact: /a }'),
    expected: [['routes[0].path', /has prefix and exact; expected exactly one/]],
  },
  { name: 'no kind of path', text: route('path: {}'), expected: [['routes[0].path', /has none of them/]] },
  {
    name: 'a regular expression with look-ahead',
    text: route('path: { regex: "/(?=a)" }'),
    expected: [['routes[0].path.regex', /RE2 syntax \(.*\(\?=/]],
  },
  {
    name: 'an unclosed header pattern',
    text: route('canaries: [ { upstream: a, header: { name: x, pattern: "(" } } ]'),
    expected: [['routes[0].canaries[0].header.pattern', /RE2 syntax/]],
  },
  {
    name: 'a header value and pattern',
    text: route('canaries: [ { upstream: a, header: { name: x, value: a, pattern: b } } ]'),
    expected: [['routes[0].canaries[0].header.pattern', /beside `value`/]],
  },
  {
    name: 'a header name with a space',
    text: route('canaries: [ { upstream: a, header: { name: "x y" } } ]'),
    expected: [['routes[0].canaries[0].header.name', /name of a header/]],
  },
  {
    name: 'a cookie name with a semicolon',
    text: route('canaries: [ { upstream: a, cookie: { name: "a;b" } } ]'),
    expected: [['routes[0].canaries[0].cookie.name', /name of a cookie/]],
  },
  {
    name: 'a canary nothing reaches',
    text: route('canaries: [ { upstream: a } ]'),
    expected: [['routes[0].canaries[0]', /no header, cookie, match or weight/]],
  },
  {
    name: 'more than the whole',
    text: route('canaries: [ { upstream: a, weight: 101 } ]'),
    expected: [['routes[0].canaries[0].weight', /at most weightTotal, which is 100/]],
  },
  {
    name: 'a canary to nowhere',
    text: route('canaries: [ { upstream: zebra, weight: 1 } ]'),
    expected: [['routes[0].canaries[0].upstream', /declare it under `upstreams`/]],
  },
  {
    name: 'the same route twice',
    text: `${UPSTREAMS}routes: [ { host: A.example, upstream: a }, { host: a.example, path: { prefix: / }, upstream: a } ]`,
    expected: [['routes[1]', /same host and path as routes\[0\]/]],
  },
  {
    name: 'an unknown balancer',
    text: upstream('balancer: round-robbin'),
    expected: [['upstreams.a.balancer', /expected one of `round-robin`/]],
  },
  {
    name: 'the same endpoint twice',
    text: 'upstreams: { a: { endpoints: [ { address: "[::1]:80" }, { address: "[0::1]:80" } ] } }',
    expected: [['upstreams.a.endpoints[1].address', /like upstreams.a.endpoints\[0\].address/]],
  },
  {
    name: 'a health check slower than its interval',
    text: upstream('healthCheck: { path: /, interval: 500ms }'),
    expected: [['upstreams.a.healthCheck.interval', /timeout \(1000 ms\) longer than the interval \(500 ms\)/]],
  },
  {
    name: 'a health check that asks nothing',
    text: upstream('healthCheck: {}'),
    expected: [['upstreams.a.healthCheck', /says neither `path` nor `kind`/]],
  },
  {
    name: 'an upstream name with a space',
    text: 'upstreams: { "a b": { endpoints: [] } }',
    expected: [['upstreams.a b', /is "a b"; expected a name/]],
  },
  {
    name: 'an upstream without endpoints',
    text: 'upstreams: { a: {} }',
    expected: [['upstreams.a.endpoints', /is missing; expected a list/]],
  },
  { name: 'no listener at all', text: 'listeners: []', expected: [['listeners', /at least one listener/]] },
  {
    name: 'networks that are none',
    text: 'listeners: [ { name: a, port: 1, proxyProtocol: { trusted: [] }, trustedProxies: [10.0.0.0/33, lb.example] } ]',
    expected: [
      ['listeners[0].proxyProtocol.trusted', /at least one IP network/],
      ['listeners[0].trustedProxies[0]', /is "10.0.0.0\/33"; expected an IP network such as/],
      ['listeners[0].trustedProxies[1]', /is "lb.example"; expected an IP network such as/],
    ],
  },
  {
    name: 'listeners alike',
    text: 'listeners: [ { name: a, port: 80 }, { name: a, address: 127.0.0.1, port: 80 } ]',
    expected: [
      ['listeners[1].name', /names are unique/],
      ['listeners[1].port', /one port, one listener/],
    ],
  },
  {
    name: 'a host name to listen on',
    text: 'listeners: [ { name: a, address: localhost, port: 80 } ]',
    expected: [['listeners[0].address', /IP address such as/]],
  },
  {
    name: 'a certificate file that is not there',
    text: 'listeners: [ { name: a, port: 1, tls: { certificates: [ { certFile: no.crt, keyFile: no.key } ] } } ]',
    expected: [
      ['listeners[0].tls.certificates[0].certFile', /no.crt does not exist/],
      ['listeners[0].tls.certificates[0].keyFile', /no.key does not exist/],
    ],
  },
  {
    name: 'TLS without certificates',
    text: 'listeners: [ { name: a, port: 1, tls: { certificates: [] } } ]',
    expected: [['listeners[0].tls.certificates', /at least one certificate/]],
  },
];

for (const { name, text, expected } of mistakes) {
  test(`${name} is rejected with its place`, async () => {
    const { config, problems } = await narrow(text);
    assert.equal(config, null);
    assert.deepEqual(
      problems.map((problem) => problem.field),
      expected.map(([field]) => field),
    );
    for (const [index, [, message]] of expected.entries()) assert.match(problems[index]?.message ?? '', message);
    for (const { location, source } of problems) {
      assert.equal(location?.file, 'sluice.yaml');
      assert.deepEqual(source, { kind: 'StaticConfig', namespace: '', name: 'sluice.yaml' });
    }
  });
}

const syntax: readonly { name: string; text: string; expected: RegExp }[] = [
  { name: 'an empty file', text: '# nothing\n', expected: /^1:1 : is empty/ },
  { name: 'two documents', text: 'routes: []\n---\nroutes: []\n', expected: /^1:1 : holds 2 documents/ },
  { name: 'an open bracket', text: 'routes: [\n', expected: /^2:1 : flow sequence/ },
  {
    name: 'a key written twice',
    text: 'routes: []\nupstreams: {}\nroutes: []\n',
    expected: /^3:1 : map keys must be unique/,
  },
  { name: 'a tab for indentation', text: 'upstreams:\n\ta: 1\n', expected: /^2:1 : tabs are not allowed/ },
  {
    name: 'an unquoted wildcard',
    text: 'routes:\n  - host: *.shop.example\n',
    expected: /^2:11 : `\*.shop.example` refers to no anchor; put a text that begins/,
  },
  {
    name: 'the key __proto__',
    text: 'routes: []\n__proto__: {}\n',
    expected: /^2:1 : the key `__proto__` is not allowed/,
  },
  { name: 'thousands of brackets', text: `routes: ${'['.repeat(20_000)}`, expected: /^\d+:\d+ : / },
  {
    name: 'aliases of aliases of aliases',
    text: `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.replaceAll(/./g, (c) => `${c}: &${c} [${`*${String.fromCharCode(c.charCodeAt(0) - 1)},`.repeat(9)}]\n`)}`,
    expected: /^1:1 : excessive alias count/,
  },
];

for (const { name, text, expected } of syntax) {
  test(`${name} is a syntax problem with its place`, async () => {
    const { config, problems } = await narrow(text);
    assert.equal(config, null);
    assert.ok(problems.every((problem) => problem.code === 'config-syntax'));
    const [first = ''] = await problemsOf(text);
    assert.match(first, expected);
  });
}

async function withCertificates(t: TestContext): Promise<string> {
  const directory = await makeDirectory(t);
  await mkdir(join(directory, 'tls'));
  await writeFile(join(directory, 'tls/shop.crt'), SHOP_CERT);
  await writeFile(join(directory, 'tls/shop.key'), SHOP_KEY);
  await writeFile(join(directory, 'other.crt'), OTHER_CERT);
  await writeFile(join(directory, 'other.key'), OTHER_KEY);
  return join(directory, 'sluice.yaml');
}

function tls(...pairs: readonly (readonly [string, string])[]): string {
  const certificates = pairs.map(([certFile, keyFile]) => `{ certFile: ${certFile}, keyFile: ${keyFile} }`);
  return `listeners: [ { name: a, port: 443, tls: { certificates: [ ${certificates.join(', ')} ] } } ]`;
}

test('certificate files are read relative to the configuration file, in order', async (t) => {
  const file = await withCertificates(t);
  const { config, problems, paths } = await narrow(
    tls(['tls/shop.crt', 'tls/shop.key'], ['other.crt', 'other.key']),
    file,
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(
    config?.listeners?.[0]?.tls?.certificates.map((pair) => pair.dnsNames[0]),
    ['shop.example', 'other.example'],
  );
  assert.deepEqual(
    paths.map((path) => path.slice(path.lastIndexOf('/') + 1)),
    ['shop.crt', 'shop.key', 'other.crt', 'other.key'],
  );
});

test('a key of another certificate is rejected, also beside other mistakes', async (t) => {
  const file = await withCertificates(t);
  const { config, problems } = await narrow(`${tls(['other.crt', 'tls/shop.key'])}\nfoo: 1`, file);
  assert.equal(config, null);
  assert.deepEqual(
    problems.map(({ code, field }) => [code, field]),
    [
      ['certificate-invalid', 'listeners[0].tls.certificates[0].certFile'],
      ['config-unknown-key', 'foo'],
    ],
  );
});

test('an expired certificate is a warning and is served', async (t) => {
  const file = await withCertificates(t);
  const { config, problems } = await narrow(tls(['other.crt', 'other.key']), file, Date.UTC(2300, 0, 1));
  assert.notEqual(config, null);
  assert.deepEqual(
    problems.map(({ severity, field }) => [severity, field]),
    [['warning', 'listeners[0].tls.certificates[0].certFile']],
  );
  assert.match(problems[0]?.message ?? '', /^expired on 21\d\d-/);
});

test('the nearest parent that exists locates what does not', async () => {
  const { document } = await narrow(FULL);
  const place = (field: string): string => {
    const location = document?.locate(field);
    return `${location?.line}:${location?.column}`;
  };
  assert.equal(place('routes[0].canaries[2].weight'), '19:40');
  assert.equal(place('routes[0].canaries[2].cookie'), '19:9');
  assert.equal(place('routes[0].canaries'), '16:5');
  assert.equal(place('routes[9]'), '13:1');
  assert.equal(place('upstreams.shop.healthCheck.path'), '11:26');
  assert.equal(place('nothing'), '2:1');
});

test('no file throws, and one that is refused says why', async () => {
  const junk = fc.oneof(fc.anything({ maxDepth: 2 }), fc.string(), fc.integer(), fc.constant(null));
  const file = fc.record(
    {
      listeners: fc.oneof(junk, fc.array(fc.record({ name: junk, port: junk, address: junk, tls: junk }))),
      upstreams: fc.oneof(
        junk,
        fc.dictionary(fc.string(), fc.record({ endpoints: junk, healthCheck: junk, balancer: junk })),
      ),
      routes: fc.oneof(
        junk,
        fc.array(
          fc.record({
            host: junk,
            path: junk,
            upstream: junk,
            canaries: fc.array(fc.record({ upstream: junk, header: junk, weight: junk })),
          }),
        ),
      ),
    },
    { requiredKeys: [] },
  );
  const text = fc.oneof(
    fc.string(),
    fc.jsonValue().map((value) => JSON.stringify(value)),
    file.map((value) => toYaml(value)),
  );
  await fc.assert(
    fc.asyncProperty(text, async (content) => {
      const { config, problems } = await narrow(content);
      assert.ok(config !== null || problems.length > 0);
      for (const problem of problems)
        assert.ok((problem.location?.line ?? 0) >= 1 && (problem.location?.column ?? 0) >= 1);
    }),
    { numRuns: 200 },
  );
});

/** Not everything can be written as YAML: what cannot is as good as any other text. */
function toYaml(value: unknown): string {
  try {
    return stringify(value);
  } catch {
    return '[';
  }
}

const MUTUAL = (rest: string, more = ''): string =>
  `listeners: [ { name: a, port: 443, tls: { certificates: [ { certFile: other.crt, keyFile: other.key } ], clientCertificates: { ${rest} } } }${more} ]`;

test('authorities of clients are read, and hosts are spelled as they are compared', async (t) => {
  const file = await withCertificates(t);
  const { config, problems, paths } = await narrow(
    MUTUAL(
      'caFile: tls/shop.crt, mode: request, hosts: [A.example, "*.b.example", a.example], forwardCertificate: true',
    ),
    file,
  );
  assert.deepEqual(problems, []);
  const rule = config?.listeners?.[0]?.tls?.clientCertificates;
  assert.deepEqual(
    [rule?.mode, rule?.hosts, rule?.forwardCertificate],
    ['request', ['a.example', '*.b.example'], true],
  );
  assert.equal(rule?.ca.pem.trim(), SHOP_CERT.trim());
  assert.match(rule?.ca.fingerprint ?? '', /^(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.ok(paths.some((path) => path.endsWith('tls/shop.crt')));
});

test('without hosts all of them are meant', async (t) => {
  const { config } = await narrow(MUTUAL('caFile: other.crt, mode: require'), await withCertificates(t));
  assert.deepEqual(config?.listeners?.[0]?.tls?.clientCertificates?.hosts, ['']);
});

const UNUSABLE: readonly (readonly [name: string, entry: string, expected: RegExp])[] = [
  ['a file that is not there', 'caFile: no.crt, mode: require', /caFile: .*no.crt does not exist/],
  ['a file without certificates', 'caFile: other.key, mode: require', /caFile: has no -----BEGIN CERTIFICATE/],
  ['another mode', 'caFile: other.crt, mode: on', /mode: is "on"; expected `require` or `request`/],
  ['no hosts at all', 'caFile: other.crt, mode: require, hosts: []', /hosts: .* at least one host/],
  ['a host that is none', 'caFile: other.crt, mode: require, hosts: ["a b"]', /hosts\[0\]: is "a b"; expected a host/],
];

for (const [name, entry, expected] of UNUSABLE) {
  test(`client certificates with ${name} are rejected`, async (t) => {
    const { config, problems } = await narrow(MUTUAL(entry), await withCertificates(t));
    assert.equal(config, null);
    assert.match(problems.map(({ field, message }) => `${field}: ${message}`).join('\n'), expected);
  });
}

test('a listener that gives away what another demands is warned of, unless only this machine reaches it', async (t) => {
  const file = await withCertificates(t);
  const demand = 'caFile: other.crt, mode: require';
  const open = await narrow(MUTUAL(demand, ', { name: web, port: 80 }'), file);
  assert.deepEqual(
    open.problems.map(({ severity, field }) => [severity, field]),
    [['warning', 'listeners[0].tls.clientCertificates']],
  );
  assert.notEqual(open.config, null);
  assert.deepEqual((await narrow(MUTUAL(demand, ', { name: web, address: 127.0.0.1, port: 80 }'), file)).problems, []);
});

test('authorities that have all expired are warned of', async (t) => {
  const file = await withCertificates(t);
  const { config, problems } = await narrow(MUTUAL('caFile: other.crt, mode: require'), file, Date.UTC(2200, 0, 1));
  assert.notEqual(config, null);
  const warned = problems.filter(({ field }) => field === 'listeners[0].tls.clientCertificates.caFile');
  assert.deepEqual(
    warned.map(({ severity }) => severity),
    ['warning'],
  );
});
