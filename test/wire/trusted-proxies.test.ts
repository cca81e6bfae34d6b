/** Proxies in front of a listener: who is believed, request by request, and who is not. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import type { ListenerConfig } from '../../src/model/proxy-config.ts';
import { DEFAULT_ROUTE_POLICY } from '../../src/model/route-policy.ts';
import { Http2Client } from '../support/http2-client.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { listenerConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';

const FROM_HERE: Partial<ListenerConfig> = { trustedProxies: ['127.0.0.1', '10.0.0.0/8'] };

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
});

after(() => upstream.close());

beforeEach(() => upstream.forget());

async function start(t: TestContext, part: Partial<ListenerConfig>): Promise<InProcessProxy> {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  await apply(proxy, part);
  return proxy;
}

function apply(proxy: InProcessProxy, part: Partial<ListenerConfig>): Promise<void> {
  const policy = { ...DEFAULT_ROUTE_POLICY, redirectMissingSlash: true };
  return proxy.apply({
    listeners: [listenerConfig('web', part)],
    upstreams: [upstreamConfig('a', upstream.address)],
    routes: [
      routeConfig('r', 'a', { host: 'inner.example' }),
      routeConfig('s', 'a', { host: 'inner.example', path: { kind: 'prefix', value: '/dir/' }, policy }),
    ],
  });
}

function get(path: string, ...fields: readonly string[]): string {
  return [`GET ${path} HTTP/1.1`, 'Host: inner.example', ...fields, '', ''].join('\r\n');
}

const TOLD = [
  'X-Forwarded-For: 6.6.6.6, 192.0.2.1',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Port: 8443',
  'X-Forwarded-Host: shop.example',
  'Forwarded: for=7.7.7.7',
  'X-Real-IP: 8.8.8.8',
];

test('a trusted proxy is believed, and the log names the client', async (t) => {
  const proxy = await start(t, FROM_HERE);
  const client = await RawClient.connect(proxy.port);
  t.after(() => client.destroy());
  client.write(get('/', ...TOLD));
  assert.equal(await client.status(), 200);
  const request = await upstream.request();
  assert.equal(request.field('X-Real-IP'), '192.0.2.1');
  assert.equal(request.field('X-Forwarded-For'), '6.6.6.6, 192.0.2.1, 127.0.0.1');
  assert.equal(request.field('X-Forwarded-Proto'), 'https');
  assert.equal(request.field('X-Forwarded-Port'), '8443');
  assert.equal(request.field('X-Forwarded-Host'), 'shop.example');
  assert.equal(request.field('Host'), 'inner.example');
  assert.equal(request.field('Forwarded'), null);
  assert.equal(proxy.accessLog.at(-1)?.clientIp, '192.0.2.1');
});

for (const trustedProxies of [[], ['10.0.0.0/8', '::1']]) {
  test(`whoever is not trusted is not believed (${trustedProxies.length} networks)`, async (t) => {
    const proxy = await start(t, { trustedProxies });
    const client = await RawClient.connect(proxy.port);
    t.after(() => client.destroy());
    client.write(get('/', ...TOLD));
    assert.equal(await client.status(), 200);
    const request = await upstream.request();
    assert.equal(request.field('X-Real-IP'), '127.0.0.1');
    assert.equal(request.field('X-Forwarded-For'), '127.0.0.1');
    assert.equal(request.field('X-Original-Forwarded-For'), '6.6.6.6, 192.0.2.1');
    assert.equal(request.field('X-Forwarded-Proto'), 'http');
    assert.equal(request.field('X-Forwarded-Host'), 'inner.example');
    assert.equal(proxy.accessLog.at(-1)?.clientIp, '127.0.0.1');
  });
}

test('requests of many clients on one connection, pipelined, keep their addresses apart, refused ones too', async (t) => {
  const proxy = await start(t, FROM_HERE);
  const client = await RawClient.connect(proxy.port);
  t.after(() => client.destroy());
  const paths = ['/1', '/2', '/3'];
  const unknown = 'GET /4 HTTP/1.1\r\nHost: unknown.example\r\nX-Forwarded-For: 192.0.2.4\r\n\r\n';
  const requests = paths.map((path) => get(path, `X-Forwarded-For: 192.0.2.${path.slice(1)}`));
  client.write(`${requests.join('')}${unknown}${get('/5')}BAD\r\n\r\n`);
  assert.deepEqual(await client.statuses(6), [200, 200, 200, 404, 200, 400]);
  assert.deepEqual(
    upstream.requests.map((request) => [request.target, request.field('X-Real-IP')]),
    [...paths.map((path) => [path, `192.0.2.${path.slice(1)}`]), ['/5', '127.0.0.1']],
  );
  const logged = proxy.accessLog.map(({ target, clientIp }) => `${target} ${clientIp}`);
  assert.deepEqual(logged.toSorted(), [
    ' 127.0.0.1',
    '/1 192.0.2.1',
    '/2 192.0.2.2',
    '/3 192.0.2.3',
    '/4 192.0.2.4',
    '/5 127.0.0.1',
  ]);
});

/** Every fifth stream names no client. */
function expectedIp(target: string): string {
  const number = Number(target.slice(1));
  return number % 5 === 0 ? '127.0.0.1' : `192.0.2.${number}`;
}

test('streams of many clients on one HTTP/2 connection keep their addresses apart', async (t) => {
  const proxy = await start(t, FROM_HERE);
  const client = await Http2Client.connect(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.destroy());
  const answers = Array.from({ length: 20 }, (_, number) => {
    const told = number % 5 === 0 ? {} : { 'x-forwarded-for': `192.0.2.${number}` };
    return client.get(`/${number}`, { ':authority': 'inner.example', ...told });
  });
  await Promise.all(answers);
  assert.equal(upstream.requests.length, 20);
  for (const request of upstream.requests) assert.equal(request.field('X-Real-IP'), expectedIp(request.target));
  for (const { target, clientIp } of proxy.accessLog) assert.equal(clientIp, expectedIp(target));
});

test('redirects lead where the client came from', async (t) => {
  const proxy = await start(t, FROM_HERE);
  const client = await RawClient.connect(proxy.port);
  t.after(() => client.destroy());
  client.write(get('/dir', ...TOLD) + get('/dir'));
  assert.equal(fieldOf(await client.response(), 'Location'), 'https://shop.example/dir/');
  assert.equal(fieldOf(await client.response(), 'Location'), 'http://inner.example/dir/');
});

test('behind a PROXY header, its source is who is trusted or not', async (t) => {
  const proxy = await start(t, { proxyProtocol: { trusted: ['127.0.0.1'] }, trustedProxies: ['10.0.0.0/8'] });
  for (const [source, believed] of [
    ['10.1.2.3', true],
    ['198.51.100.9', false],
  ] as const) {
    const client = await RawClient.connect(proxy.port);
    client.write(`PROXY TCP4 ${source} 198.51.100.10 4498 8080\r\n${get('/', 'X-Forwarded-For: 192.0.2.1')}`);
    assert.equal(await client.status(), 200);
    const request = await upstream.request();
    assert.equal(request.field('X-Real-IP'), believed ? '192.0.2.1' : source);
    assert.equal(request.field('X-Forwarded-For'), believed ? `192.0.2.1, ${source}` : source);
    upstream.forget();
    client.destroy();
  }
});

test('a change of who is trusted reaches connections that are open, and keeps the socket', async (t) => {
  const proxy = await start(t, {});
  const { port } = proxy;
  const http1 = await RawClient.connect(port);
  const http2 = await Http2Client.connect(`http://127.0.0.1:${port}`);
  t.after(() => http1.destroy());
  t.after(() => http2.destroy());
  for (const [part, ip] of [
    [{}, '127.0.0.1'],
    [FROM_HERE, '192.0.2.1'],
    [{}, '127.0.0.1'],
  ] as const) {
    await apply(proxy, part);
    assert.equal(proxy.port, port);
    http1.write(get('/', 'X-Forwarded-For: 192.0.2.1'));
    assert.equal(await http1.status(), 200);
    await http2.get('/', { ':authority': 'inner.example', 'x-forwarded-for': '192.0.2.1' });
    assert.deepEqual(
      upstream.requests.map((request) => request.field('X-Real-IP')),
      [ip, ip],
    );
    upstream.forget();
  }
});
