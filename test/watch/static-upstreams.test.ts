/** How upstreams are connected to, as the static file says it: what it becomes, and the mistakes one can make. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MAX_VERIFY_DEPTH } from '../../src/model/proxy-config.ts';
import { narrowStaticConfig, type StaticNarrowed } from '../../src/watch/static-narrow.ts';
import { OTHER_CERT, SHOP_CERT, SHOP_KEY } from './key-pair-fixtures.ts';
import { makeDirectory } from './source-fixture.ts';

const NOW = Date.UTC(2027, 0, 1);

/** One upstream `shop` with these keys; the files beside it are certificates of the tests. */
async function narrow(t: TestContext, keys: string, nowAt = NOW): Promise<StaticNarrowed> {
  const directory = await makeDirectory(t);
  await mkdir(join(directory, 'certs'));
  await writeFile(join(directory, 'certs/ca.crt'), `${OTHER_CERT}${SHOP_CERT}`);
  await writeFile(join(directory, 'certs/client.crt'), SHOP_CERT);
  await writeFile(join(directory, 'certs/client.key'), SHOP_KEY);
  const text = `upstreams:\n  shop: { endpoints: [], ${keys} }\n`;
  return narrowStaticConfig(text, { file: join(directory, 'sluice.yaml'), nowAt });
}

test('TLS with every default verifies against the public authorities', async (t) => {
  const { config, problems } = await narrow(t, 'tls: {}');
  assert.deepEqual(problems, []);
  const { protocol, tls, sendProxyProtocol } = config?.upstreams.get('shop') ?? {};
  assert.deepEqual([protocol, sendProxyProtocol], ['http1', 'off']);
  assert.deepEqual(tls, {
    serverName: '',
    sendServerName: true,
    verify: true,
    verifyDepth: MAX_VERIFY_DEPTH,
    caPem: null,
    clientCertificate: null,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: '',
  });
});

test('files are read relative to the configuration file and watched', async (t) => {
  const tls = 'serverName: Shop.example, caFile: certs/ca.crt, certFile: certs/client.crt, keyFile: certs/client.key';
  const { config, problems, paths } = await narrow(t, `protocol: http2, tls: { ${tls} }, proxyProtocol: v2`);
  assert.deepEqual(problems, []);
  const upstream = config?.upstreams.get('shop');
  assert.deepEqual([upstream?.protocol, upstream?.sendProxyProtocol], ['http2', 'v2']);
  assert.equal(upstream?.tls?.serverName, 'shop.example');
  assert.equal(upstream?.tls?.caPem?.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assert.equal(upstream?.tls?.clientCertificate?.dnsNames[0], 'shop.example');
  assert.deepEqual(
    paths.map((path) => path.split('/').slice(-2).join('/')),
    ['certs/client.crt', 'certs/client.key', 'certs/ca.crt'],
  );
});

test('an expired client certificate is a warning', async (t) => {
  const tls = 'tls: { certFile: certs/client.crt, keyFile: certs/client.key }';
  const { config, problems } = await narrow(t, tls, Date.UTC(2999, 0, 1));
  assert.ok(config !== null);
  assert.deepEqual(
    problems.map(({ severity, field }) => [severity, field]),
    [['warning', 'upstreams.shop.tls.certFile']],
  );
});

const mistakes: readonly (readonly [keys: string, field: string, message: RegExp])[] = [
  ['protocol: h2', 'protocol', /is "h2"; expected `http1` or `http2`/],
  ['proxyProtocol: v3', 'proxyProtocol', /is "v3"; expected `v1` or `v2`/],
  ['tls: true', 'tls', /is true; expected a map/],
  ['tls: { serverNam: a }', 'tls.serverNam', /did you mean `serverName`/],
  ['tls: { serverName: 10.0.0.1 }', 'tls.serverName', /expected a host name/],
  ['tls: { serverName: "a b" }', 'tls.serverName', /expected a host name/],
  ['tls: { verify: yes }', 'tls.verify', /expected true or false/],
  ['tls: { verify: false, caFile: certs/ca.crt }', 'tls.caFile', /stands beside `verify: false`/],
  ['tls: { certFile: certs/client.crt }', 'tls.certFile', /has no `keyFile` beside it/],
  ['tls: { keyFile: certs/client.key }', 'tls.keyFile', /has no `certFile` beside it/],
  ['tls: { caFile: certs/no.crt }', 'tls.caFile', /no\.crt does not exist/],
  ['tls: { caFile: certs/client.key }', 'tls.caFile', /has no -----BEGIN CERTIFICATE/],
  ['tls: { certFile: certs/ca.crt, keyFile: certs/client.key }', 'tls.certFile', /put that one first/],
];

for (const [keys, field, message] of mistakes) {
  test(`${keys} is rejected with its place`, async (t) => {
    const { config, problems } = await narrow(t, keys);
    assert.equal(config, null);
    assert.equal(problems.length, 1);
    assert.equal(problems[0]?.field, `upstreams.shop.${field}`);
    assert.match(problems[0]?.message ?? '', message);
    assert.equal(problems[0]?.location?.line, 2);
    assert.doesNotMatch(JSON.stringify(problems), /PRIVATE KEY/);
  });
}
