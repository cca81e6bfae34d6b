/** The main upstream takes over what a canary fails on: no client notices, nothing is sent twice that must not be. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { DEFAULT_COOKIE_AFFINITY } from '../../src/model/affinity.ts';
import type { CanaryConfig } from '../../src/model/canary.ts';
import type { MirrorConfig } from '../../src/model/mirror.ts';
import type { UpstreamConfig } from '../../src/model/proxy-config.ts';
import { DEFAULT_ROUTE_POLICY, type RoutePolicy } from '../../src/model/route-policy.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';
import { closedPort } from '../support/closed-port.ts';
import { Http2Client } from '../support/http2-client.ts';
import { Http2Upstream } from '../support/http2-upstream.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { canaryConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf, type RawMessage, statusOf } from '../support/raw-message.ts';
import { release } from '../support/release.ts';
import { ok, reply, type Script, ScriptedUpstream } from '../support/scripted-upstream.ts';

let main: ScriptedUpstream;
let next: ScriptedUpstream;
let spare: ScriptedUpstream;

const RESET: Script = ({ connection }) => {
  connection.socket.resetAndDestroy();
  return null;
};

before(async () => {
  main = await ScriptedUpstream.start(() => null);
  next = await ScriptedUpstream.start(() => null);
  spare = await ScriptedUpstream.start(() => null);
});

after(async () => {
  await main.close();
  await next.close();
  await spare.close();
});

beforeEach(() => {
  for (const each of [main, next, spare]) each.forget();
  main.script = () => ok('main');
  next.script = RESET;
  spare.script = () => ok('spare');
});

interface Setup {
  readonly canary?: Partial<CanaryConfig>;
  readonly policy?: Partial<RoutePolicy>;
  readonly main?: Partial<UpstreamConfig>;
  readonly next?: Partial<UpstreamConfig>;
  readonly nextAddresses?: readonly string[];
}

async function start(t: TestContext, setup: Setup = {}): Promise<InProcessProxy> {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  const canary = canaryConfig('next', { weight: 100, release: release({ id: 'r' }), ...setup.canary });
  await proxy.apply({
    upstreams: [
      { ...upstreamConfig('main', main.address), ...setup.main },
      { ...upstreamConfig('next', ...(setup.nextAddresses ?? [next.address])), ...setup.next },
      upstreamConfig('spare', spare.address),
    ],
    routes: [
      routeConfig('r', 'main', {
        policy: { ...DEFAULT_ROUTE_POLICY, ...setup.policy },
        split: { members: [{ upstream: 'main', weight: 1, filters: [] }], canaries: [canary] },
      }),
    ],
  });
  return proxy;
}

async function send(port: number, method = 'GET', body = '', fields = ''): Promise<RawMessage> {
  const client = await RawClient.connect(port);
  client.write(`${method} /x HTTP/1.1\r\nHost: a\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`);
  const response = await client.response();
  client.destroy();
  return response;
}

async function bodyOf(answer: Promise<RawMessage>): Promise<string> {
  return (await answer).body.toString();
}

function countsOf(proxy: InProcessProxy): readonly (readonly number[])[] {
  const rows = proxy.live.routeStats.get('r')?.toRow().split ?? [];
  return rows.map(({ requests, failures, fallbacks }) => [requests, failures, fallbacks]);
}

test('a canary that resets every connection costs no client an answer, and has failed each time', async (t) => {
  const proxy = await start(t);
  for (let count = 0; count < 50; count++) assert.equal(await bodyOf(send(proxy.port)), 'main');
  assert.equal(next.requests.length, 50, 'one try of the canary each');
  assert.equal(main.requests.length, 50);
  const entries = new Set(
    proxy.accessLog.map(({ status, upstreamId, endpointId, canary, split, fallback, backup, attempts }) => {
      return [status, upstreamId, endpointId, canary, split, fallback, backup, attempts].join(' ');
    }),
  );
  assert.deepEqual([...entries], [`200 main ${main.address} true weight true false 2`]);
  assert.deepEqual(countsOf(proxy), [
    [0, 0, 0],
    [50, 50, 50],
  ]);
  const [figures] = proxy.live.releases.toFigures();
  assert.deepEqual(
    [figures?.canary.requests, figures?.canary.failures, figures?.stable.requests],
    [50, 50, 0],
    'the main upstream does not get the credit',
  );
});

test('so does one that nobody can connect to, whatever the method', async (t) => {
  const proxy = await start(t, { nextAddresses: [`127.0.0.1:${await closedPort()}`] });
  main.script = ({ method, body }) => ok(`${method} ${body.toString()}`);
  assert.equal(await bodyOf(send(proxy.port, 'POST', 'some body')), 'POST some body');
});

test('one that is silent is given up after the response timeout, once', async (t) => {
  next.script = () => null;
  const proxy = await start(t, { policy: { responseTimeoutMs: 50 } });
  assert.equal(await bodyOf(send(proxy.port)), 'main');
  assert.equal(next.requests.length, 1);
});

test('a request that the canary may have acted on is not sent again, unless the route allows it', async (t) => {
  const proxy = await start(t);
  assert.equal(statusOf(await send(proxy.port, 'POST', 'order')), 502);
  assert.equal(main.requests.length, 0);
  assert.equal(proxy.accessLog[0]?.fallback, false);
  const allowing = await start(t, { policy: { retryNonIdempotent: true } });
  main.script = ({ body }) => ok(body.toString());
  assert.equal(await bodyOf(send(allowing.port, 'POST', 'order')), 'order');
});

test('nothing is sent again once the client has had a byte of an answer', async (t) => {
  const proxy = await start(t);
  next.script = ({ connection }) => {
    connection.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    return null;
  };
  const client = await RawClient.connect(proxy.port);
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.remainder();
  assert.equal(main.requests.length, 0);
  next.script = ({ connection }) => {
    connection.write('HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n');
    setImmediate(() => connection.socket.resetAndDestroy());
    return null;
  };
  assert.equal(statusOf(await send(proxy.port)), 103);
  assert.equal(main.requests.length, 0);
});

test('a body that is no longer whole stays with the canary', async (t) => {
  const proxy = await start(t, { policy: { retryBufferBytes: 1_000 } });
  assert.equal(statusOf(await send(proxy.port, 'PUT', 'x'.repeat(100_000))), 502);
  main.script = ({ body }) => ok(String(body.length));
  const roomy = await start(t);
  assert.equal(await bodyOf(send(roomy.port, 'PUT', 'x'.repeat(30_000))), '30000');
});

test('an answer is an answer, unless the route counts its status as a failure', async (t) => {
  next.script = () => reply(503, 'busy');
  const proxy = await start(t);
  assert.equal(await bodyOf(send(proxy.port)), 'busy');
  const strict = await start(t, { policy: { retryOn: ['error', 'http_503', 'http_404'] } });
  assert.equal(await bodyOf(send(strict.port)), 'main');
  next.script = () => reply(404, 'nothing here');
  assert.equal(await bodyOf(send(strict.port)), 'main');
  assert.equal(strict.live.releases.toFigures()[0]?.canary.failures, 2);
});

test('where nothing is to be repeated, nothing falls back', async (t) => {
  const proxy = await start(t, { policy: { retryOn: [] } });
  assert.equal(statusOf(await send(proxy.port)), 502);
  const never = await start(t, { canary: { fallback: 'never' } });
  assert.equal(statusOf(await send(never.port)), 502);
});

test('who asks for the canary sees it fail, unless it is written otherwise', async (t) => {
  const header = { name: 'x-canary', kind: 'word', value: '' } as const;
  const proxy = await start(t, { canary: { header } });
  assert.equal(statusOf(await send(proxy.port, 'GET', '', 'X-Canary: always\r\n')), 502);
  const always = await start(t, { canary: { header, fallback: 'always' } });
  assert.equal(await bodyOf(send(always.port, 'GET', '', 'X-Canary: always\r\n')), 'main');
});

test('an idle connection that the canary has closed is no failure of it', async (t) => {
  const proxy = await start(t);
  next.script = () => ok('next');
  assert.equal(await bodyOf(send(proxy.port)), 'next');
  next.script = ({ connection, turn }) => {
    if (turn === 1) return ok('next');
    connection.socket.destroy();
    return null;
  };
  assert.equal(await bodyOf(send(proxy.port)), 'next');
  assert.deepEqual(countsOf(proxy)[1], [2, 0, 0]);
});

test('the main upstream comes before the backup of the canary, and has its own backup', async (t) => {
  const proxy = await start(t, { next: { backup: 'spare' } });
  assert.equal(await bodyOf(send(proxy.port)), 'main');
  main.script = RESET;
  const chained = await start(t, { main: { backup: 'spare' } });
  assert.equal(await bodyOf(send(chained.port)), 'spare');
  const [entry] = chained.accessLog;
  assert.deepEqual([entry?.fallback, entry?.backup, entry?.upstreamId], [true, true, 'spare']);
  // Its three tries, after one of the canary.
  assert.equal(entry?.attempts, 5);
});

test('a request does not come back to the canary as the backup of the main upstream', async (t) => {
  main.script = RESET;
  const proxy = await start(t, { main: { backup: 'next' } });
  assert.equal(statusOf(await send(proxy.port)), 502);
  assert.equal(next.requests.length, 1);
});

test('a main upstream in trouble itself is no way out: then the canary is tried again', async (t) => {
  const proxy = await start(t);
  proxy.live.upstreams.applyHealth([{ upstreamId: 'main', endpointId: main.address, healthy: false, reason: 'x' }]);
  assert.equal(statusOf(await send(proxy.port)), 502);
  assert.deepEqual([next.requests.length, main.requests.length], [3, 0]);
});

test('a canary without a healthy endpoint is not even tried, and that is a failure', async (t) => {
  next.script = () => ok('next');
  const proxy = await start(t);
  proxy.live.upstreams.applyHealth([{ upstreamId: 'next', endpointId: next.address, healthy: false, reason: 'x' }]);
  assert.equal(await bodyOf(send(proxy.port, 'POST', 'order')), 'main');
  assert.equal(next.requests.length, 0);
  assert.equal(proxy.live.releases.toFigures()[0]?.canary.failures, 1);
});

test('retries that the canary may not have any more do not stop a fallback', async (t) => {
  const proxy = await start(t, { next: { retryBudget: { percent: 0, perSecond: 0 } }, policy: { retryAttempts: 1 } });
  assert.equal(await bodyOf(send(proxy.port)), 'main');
});

test('once the time for retries is over, nothing falls back', async (t) => {
  next.script = () => null;
  const proxy = await start(t, { policy: { responseTimeoutMs: 60, retryTimeoutMs: 20 } });
  assert.equal(statusOf(await send(proxy.port)), 504);
});

test('keys that only the canary knows do not lead all to one endpoint of the main upstream', async (t) => {
  const other = await ScriptedUpstream.start(() => ok('main'));
  t.after(() => other.close());
  const hashing = { keyTemplate: '$remote_addr', subsetSize: 0 };
  const endpoints = upstreamConfig('', main.address, other.address).endpoints;
  const proxy = await start(t, {
    main: {
      ...DEFAULT_UPSTREAM_POLICY,
      endpoints,
      balancer: 'ring-hash',
      hashing: { ...hashing, boundPercent: 0 },
    },
  });
  for (let count = 0; count < 40; count++) await send(proxy.port);
  assert.ok(main.requests.length > 0 && other.requests.length > 0, `${main.requests.length} ${other.requests.length}`);
});

test('a session stays with the canary, and an answer of the main upstream begins none', async (t) => {
  const proxy = await start(t, { policy: { affinity: { ...DEFAULT_COOKIE_AFFINITY, name: 'route' } } });
  const taken = await send(proxy.port);
  assert.deepEqual([taken.body.toString(), fieldOf(taken, 'set-cookie')], ['main', null]);
  next.script = () => ok('next', 'Connection: close');
  const cookie = fieldOf(await send(proxy.port), 'set-cookie')?.split(';', 1)[0] ?? '';
  assert.match(cookie, /^route=/);
  const field = `Cookie: ${cookie}\r\n`;
  next.script = RESET;
  const kept = await send(proxy.port, 'GET', '', field);
  assert.deepEqual([kept.body.toString(), fieldOf(kept, 'set-cookie')], ['main', null]);
  assert.equal(proxy.accessLog.at(-1)?.split, 'session');
  next.script = () => ok('next');
  assert.equal(await bodyOf(send(proxy.port, 'GET', '', field)), 'next');
});

test('a canary that is full refuses: its limits are there to be felt', async (t) => {
  next.script = () => null;
  const limits = { ...DEFAULT_UPSTREAM_POLICY.limits, maxRequests: 1, maxPending: 0 };
  const proxy = await start(t, { next: { limits } });
  const first = await RawClient.connect(proxy.port);
  first.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await next.request();
  assert.equal(statusOf(await send(proxy.port)), 503);
  assert.equal(main.requests.length, 0);
  first.destroy();
});

test('a copy for a mirror is made once, whoever answers', async (t) => {
  const mirror: MirrorConfig = {
    origin: `http://${spare.address}`,
    host: spare.address,
    target: '$request_uri',
    percent: 100,
    sendBody: true,
    verify: true,
    compare: null,
  };
  const proxy = await start(t, { policy: { mirror } });
  assert.equal(await bodyOf(send(proxy.port)), 'main');
  await spare.request();
  assert.equal(spare.requests.length, 1);
});

test('clients of HTTP/2 notice as little, and back ends that speak it fall back all the same', async (t) => {
  const proxy = await start(t);
  const client = await Http2Client.connect(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.destroy());
  assert.equal((await client.get('/x')).body, 'main');
  const broken = await Http2Upstream.start(({ stream }) => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
  t.after(() => broken.close());
  const second = await start(t, { nextAddresses: [broken.address], next: { protocol: 'http2' } });
  assert.equal(await bodyOf(send(second.port)), 'main');
  assert.equal(broken.requests.length, 1);
});
