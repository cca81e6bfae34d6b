/** What clients are told of lanes, over both protocols and whoever answers, and what becomes of what they say themselves. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { applyRelease } from '../../src/config/apply-release.ts';
import { honourLane, settleLane } from '../../src/config/lane-match.ts';
import type { CanaryConfig } from '../../src/model/canary.ts';
import type { LaneAnswer, LaneCookie } from '../../src/model/lane.ts';
import type { UpstreamConfig } from '../../src/model/proxy-config.ts';
import type { ReleaseConfig } from '../../src/model/release.ts';
import { DEFAULT_ROUTE_POLICY, type RoutePolicy } from '../../src/model/route-policy.ts';
import { Http2Client } from '../support/http2-client.ts';
import { Http2Upstream } from '../support/http2-upstream.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { canaryConfig, listenerConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf, type RawMessage, statusOf } from '../support/raw-message.ts';
import { release, releaseState } from '../support/release.ts';
import { useScriptedPair } from '../support/scripted-pair.ts';
import { ok } from '../support/scripted-upstream.ts';

const V2 = { name: 'v2', header: 'X-Sluice-Lane' };
const BASE = { name: 'base', header: 'X-Sluice-Lane' };
const COOKIE: LaneCookie = { name: 'lane', path: '/', maxAgeSeconds: null, sameSite: '', alwaysSecure: false };
const ANSWER: LaneAnswer = { header: 'X-Lane', cookie: COOKIE };
const HONOURED = { header: false, cookie: true };

const pair = useScriptedPair();

interface Setup {
  readonly answer?: LaneAnswer;
  readonly canary?: Partial<CanaryConfig>;
  readonly honours?: { readonly header: boolean; readonly cookie: boolean };
  readonly plan?: ReleaseConfig;
  readonly policy?: Partial<RoutePolicy>;
  readonly next?: Partial<UpstreamConfig>;
  readonly nextAddresses?: readonly string[];
  readonly trusted?: readonly string[];
}

async function start(t: TestContext, setup: Setup = {}): Promise<InProcessProxy> {
  const { answer: laneAnswer = ANSWER, canary, honours = HONOURED, plan, policy = {}, trusted = [] } = setup;
  const route = { lane: BASE, laneAnswer };
  const rule = canaryConfig('next', { weight: 100, lane: V2, ...canary });
  const { lane, split } = settleLane(route, honours);
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  await proxy.apply({
    listeners: [listenerConfig('web', { trustedProxies: trusted })],
    upstreams: [
      upstreamConfig('main', pair.main.address),
      { ...upstreamConfig('next', ...(setup.nextAddresses ?? [pair.next.address])), ...setup.next },
    ],
    routes: [
      routeConfig('r', 'main', {
        policy: { ...DEFAULT_ROUTE_POLICY, ...policy },
        split: {
          members: [{ upstream: 'main', weight: 1, filters: [], lane: lane ?? BASE }],
          canaries: [honourLane(plan === undefined ? rule : applyRelease(rule, plan), honours, route)],
          ...split,
        },
      }),
    ],
  });
  return proxy;
}

async function send(port: number, ...fields: readonly string[]): Promise<RawMessage> {
  const client = await RawClient.connect(port);
  client.write(`${['GET /x HTTP/1.1', 'Host: a', ...fields].join('\r\n')}\r\n\r\n`);
  const response = await client.response();
  client.destroy();
  return response;
}

/** Who answered, the lane it says, and the cookie it sets. */
function told(response: RawMessage): readonly (string | null)[] {
  return [response.body.toString(), fieldOf(response, 'x-lane'), fieldOf(response, 'set-cookie')];
}

async function setCookie(port: number, ...fields: readonly string[]): Promise<string | null> {
  return fieldOf(await send(port, ...fields), 'set-cookie');
}

const COOKIE_OF = { base: 'lane=base; Path=/; HttpOnly', v2: 'lane=v2; Path=/; HttpOnly' } as const;
const UNWEIGHED = { canary: { weight: 0 } } as const;

test('each answer says its lane, and the cookie brings its client back, whatever the weights are by then', async (t) => {
  const divided = await start(t);
  assert.deepEqual(told(await send(divided.port)), ['next', 'v2', COOKIE_OF.v2]);
  assert.deepEqual(told(await send(divided.port, 'Cookie: lane=v2')), ['next', 'v2', null]);
  assert.deepEqual(told(await send(divided.port, 'Cookie: a=b; lane=base; c=d')), ['main', 'base', null]);
  const idle = await start(t, UNWEIGHED);
  assert.deepEqual(told(await send(idle.port)), ['main', 'base', COOKIE_OF.base]);
  assert.deepEqual(told(await send(idle.port, 'Cookie: lane=v2')), ['next', 'v2', null]);
});

test('a cookie of another lane, or none that anybody wrote, is replaced by that of the lane that answered', async (t) => {
  const { port } = await start(t, UNWEIGHED);
  for (const value of ['v1', '', 'V2', 'v2x', '"v2"', 'v2%20', 'v2, base', 'always', 'x'.repeat(20_000)]) {
    assert.deepEqual(told(await send(port, `Cookie: lane=${value}`)), ['main', 'base', COOKIE_OF.base], value);
  }
});

test('of several cookies of that name the first one counts, for the choice and for what is set', async (t) => {
  const { port } = await start(t, UNWEIGHED);
  assert.deepEqual(told(await send(port, 'Cookie: lane=v2; lane=base')), ['next', 'v2', null]);
  assert.deepEqual(told(await send(port, 'Cookie: lane=base; lane=v2')), ['main', 'base', null]);
  assert.deepEqual(told(await send(port, 'Cookie: lane=base', 'Cookie: lane=v2')), ['main', 'base', null]);
  assert.deepEqual(told(await send(port, 'Cookie: lanes=v2; xlane=v2; a="lane=v2"')), ['main', 'base', COOKIE_OF.base]);
});

test('the time that a field full of cookies takes grows with its length', async (t) => {
  const proxy = await start(t, UNWEIGHED);
  const pairs = 'lane;'.repeat(5_000);
  const startMs = performance.now();
  assert.deepEqual(told(await send(proxy.port, `Cookie: ${pairs}lane=v2`)), ['next', 'v2', null]);
  assert.ok(performance.now() - startMs < 2_000);
});

test('unless the canary honours the cookie nobody gets in by it, and none is set', async (t) => {
  const { port } = await start(t, { ...UNWEIGHED, honours: { header: true, cookie: false } });
  assert.deepEqual(told(await send(port, 'Cookie: lane=v2')), ['main', 'base', null]);
  const byHeader = await send(port, 'X-Sluice-Lane: v2');
  assert.deepEqual(told(byHeader), ['next', 'v2', null]);
  const other = await start(t, UNWEIGHED);
  assert.deepEqual(told(await send(other.port, 'X-Sluice-Lane: v2')), ['main', 'base', COOKIE_OF.base]);
});

test('clients leave a canary that was aborted, and only those it was found bad for keep reaching it by rules', async (t) => {
  const plan = release({ id: 'r', state: releaseState({ phase: 'aborted' }) });
  const header = { name: 'x-canary', kind: 'word', value: '' } as const;
  const { port } = await start(t, { plan, canary: { header } });
  assert.deepEqual(told(await send(port, 'Cookie: lane=v2')), ['main', 'base', COOKIE_OF.base]);
  assert.deepEqual(told(await send(port, 'X-Canary: always')), ['next', 'v2', null]);
});

test('who comes back by the cookie counts for the release, as sessions do, and falls back as they do', async (t) => {
  const plan = release({ id: 'r', state: releaseState() });
  const proxy = await start(t, { plan });
  await send(proxy.port, 'Cookie: lane=v2');
  await send(proxy.port, 'Cookie: lane=base');
  const [figures] = proxy.live.releases.toFigures();
  assert.deepEqual([figures?.stable.requests, figures?.canary.requests], [1, 1]);
  pair.next.script = ({ connection }) => {
    connection.socket.resetAndDestroy();
    return null;
  };
  assert.deepEqual(told(await send(proxy.port, 'Cookie: lane=v2')), ['main', 'base', null]);
  assert.deepEqual(
    proxy.accessLog.map(({ split, fallback }) => `${split} ${fallback}`),
    ['session false', 'session false', 'session true'],
  );
  assert.equal(proxy.live.releases.toFigures()[0]?.canary.failures, 1);
});

test('rules come before the cookie, and what a service says of the lane in the header, too', async (t) => {
  const header = { name: 'x-canary', kind: 'word', value: '' } as const;
  const honours = { header: true, cookie: true };
  const { port } = await start(t, { canary: { weight: 0, header }, honours });
  assert.deepEqual(told(await send(port, 'Cookie: lane=base', 'X-Canary: always')), ['next', 'v2', COOKIE_OF.v2]);
  assert.deepEqual(told(await send(port, 'Cookie: lane=v2', 'X-Canary: never')), ['main', 'base', COOKIE_OF.base]);
  assert.deepEqual(told(await send(port, 'Cookie: lane=v2', 'X-Sluice-Lane: base')), ['main', 'base', COOKIE_OF.base]);
  assert.deepEqual(told(await send(port, 'Cookie: lane=base', 'X-Sluice-Lane: v2')), ['next', 'v2', COOKIE_OF.v2]);
});

test('a canary without endpoints keeps nobody', async (t) => {
  const { port } = await start(t, { nextAddresses: [] });
  assert.deepEqual(told(await send(port, 'Cookie: lane=v2')), ['main', 'base', COOKIE_OF.base]);
});

test('who falls back is told the lane of the main upstream, and keeps the cookie it has', async (t) => {
  pair.next.script = ({ connection }) => {
    connection.socket.resetAndDestroy();
    return null;
  };
  const proxy = await start(t, { canary: { fallback: 'always' } });
  assert.deepEqual(told(await send(proxy.port)), ['main', 'base', null]);
  assert.deepEqual(told(await send(proxy.port, 'Cookie: lane=v2')), ['main', 'base', null]);
  assert.deepEqual(
    proxy.accessLog.map(({ fallback }) => fallback),
    [true, true],
  );
});

test('answers of our own say whose failure they are, and set no cookie', async (t) => {
  pair.next.script = ({ connection }) => {
    connection.socket.resetAndDestroy();
    return null;
  };
  const failing = await start(t, { canary: { fallback: 'never' } });
  const failed = await send(failing.port);
  assert.deepEqual([statusOf(failed), ...told(failed).slice(1)], [502, 'v2', null]);
  const closed = await start(t, { policy: { closed: { status: 503, reason: 'unsafe' } } });
  assert.equal(fieldOf(await send(closed.port), 'x-lane'), 'v2');
  const small = await start(t, { policy: { maxRequestBodyBytes: 1 } });
  const large = await send(small.port, 'Content-Length: 10');
  assert.deepEqual([statusOf(large), ...told(large).slice(1)], [413, 'v2', null]);
});

test('what was not divided says no lane', async (t) => {
  const { port } = await start(t);
  const client = await RawClient.connect(port);
  client.write('GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  const response = await client.response();
  assert.deepEqual([statusOf(response), fieldOf(response, 'x-lane')], [400, null]);
});

test('back ends cannot say a lane: not in the head, not before it, not behind the body', async (t) => {
  pair.next.script = () =>
    'HTTP/1.1 103 Early Hints\r\nX-Lane: base\r\nLink: </a>\r\n\r\n' +
    'HTTP/1.1 200 OK\r\nx-lane: base\r\nX-LANE: other\r\nX-Laneway: stays\r\nContent-Length: 4\r\n\r\nnext';
  const proxy = await start(t);
  const client = await RawClient.connect(proxy.port);
  client.write('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
  const text = (await client.bytes((received) => received.includes('\r\n\r\nnext'))).toString();
  assert.equal(text.match(/x-lane:/gi)?.length, 1);
  assert.match(text, /^HTTP\/1.1 103 Early Hints\r\nLink: <\/a>\r\n\r\nHTTP\/1.1 200 OK\r\nX-Laneway: stays\r\n/);
  assert.match(text, /\r\nX-Lane: v2\r\n/);
});

test('without a cookie the header is there alone, and without a header the cookie', async (t) => {
  const header = await start(t, { answer: { header: 'X-Lane', cookie: null } });
  assert.deepEqual(told(await send(header.port, 'Cookie: lane=base')), ['next', 'v2', null]);
  const cookie = await start(t, { answer: { header: '', cookie: COOKIE } });
  pair.next.script = () => ok('next', 'X-Lane: of the back end');
  assert.deepEqual(told(await send(cookie.port)), ['next', 'of the back end', COOKIE_OF.v2]);
});

test('the cookie has the attributes that are asked for, and is secure where the client speaks TLS', async (t) => {
  const cookie = { ...COOKIE, path: '/shop', maxAgeSeconds: 60, sameSite: 'Lax' } as const;
  const told60 = await start(t, { answer: { header: '', cookie }, trusted: ['127.0.0.0/8'] });
  assert.equal(await setCookie(told60.port), 'lane=v2; Max-Age=60; Path=/shop; HttpOnly; SameSite=Lax');
  assert.equal(
    await setCookie(told60.port, 'X-Forwarded-Proto: https'),
    'lane=v2; Max-Age=60; Path=/shop; Secure; HttpOnly; SameSite=Lax',
  );
  const always = await start(t, { answer: { header: '', cookie: { ...COOKIE, alwaysSecure: true } } });
  assert.equal(await setCookie(always.port, 'X-Forwarded-Proto: http'), 'lane=v2; Path=/; Secure; HttpOnly');
});

test('an upgraded connection is told with its 101', async (t) => {
  pair.next.script = () =>
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nX-Lane: forged\r\n\r\n';
  const { port } = await start(t);
  const response = await send(port, 'Connection: upgrade', 'Upgrade: echo');
  assert.deepEqual([statusOf(response), ...told(response).slice(1)], [101, 'v2', COOKIE_OF.v2]);
});

test('a session keeps its cookie beside that of the lane', async (t) => {
  const affinity = {
    name: 'S',
    mode: 'balanced',
    changeOnFailure: false,
    path: '/',
    domain: '',
    expiresSeconds: null,
    maxAgeSeconds: null,
    sameSite: '',
    conditionalSameSiteNone: false,
    alwaysSecure: false,
  } as const;
  const { port } = await start(t, { policy: { affinity } });
  const response = await send(port);
  const cookies = response.fields.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value);
  assert.equal(cookies.length, 2);
  assert.match(cookies[0] ?? '', /^S=/);
  assert.equal(cookies[1], COOKIE_OF.v2);
});

test('HTTP/2: clients are told the same, and their cookies may come in crumbs', async (t) => {
  const { port } = await start(t, { canary: { weight: 0, fallback: 'never' } });
  const client = await Http2Client.connect(`http://127.0.0.1:${port}`);
  t.after(() => client.destroy());
  const first = await client.get('/x');
  assert.deepEqual([first.body, first.field('x-lane'), first.field('set-cookie')], ['main', 'base', COOKIE_OF.base]);
  for (const cookie of [['lane=v2'], ['a=b', 'lane=v2', 'c=d'], ['a=b; lane=v2'], ['lane=v2', 'lane=base']]) {
    const back = await client.get('/x', { cookie });
    assert.deepEqual([back.body, back.field('x-lane'), back.field('set-cookie')], ['next', 'v2', undefined]);
  }
  // Crumbs are put together before they are read, and no pair can be made out of two of them.
  const split = await client.get('/x', { cookie: ['lane=', 'v2'] });
  assert.deepEqual([split.body, split.field('set-cookie')], ['main', COOKIE_OF.base]);
  pair.next.script = ({ connection }) => {
    connection.socket.resetAndDestroy();
    return null;
  };
  const failed = await client.get('/x', { cookie: 'lane=v2' });
  assert.deepEqual([failed.field(':status'), failed.field('x-lane')], ['502', 'v2']);
  assert.equal(failed.field('set-cookie'), undefined);
});

test('HTTP/2: back ends cannot say a lane either', async (t) => {
  const upstream = await Http2Upstream.start(({ stream }) => {
    stream.respond({ ':status': 200, 'x-lane': 'base' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-lane': 'base', 'grpc-status': '0' }));
    stream.end('next');
  });
  t.after(() => upstream.close());
  const proxy = await start(t, { nextAddresses: [upstream.address], next: { protocol: 'http2' } });
  const client = await Http2Client.connect(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.destroy());
  const exchange = client.open({ ':method': 'GET', ':path': '/x', ':authority': 'a', te: 'trailers' });
  const trailers: string[] = [];
  exchange.stream.on('trailers', (_headers, _flags, raw: readonly string[]) => trailers.push(...raw));
  exchange.stream.end();
  await exchange.response();
  assert.deepEqual(exchange.fieldsNamed('x-lane'), ['v2']);
  assert.equal(exchange.field('set-cookie'), COOKIE_OF.v2);
  assert.deepEqual(trailers, ['grpc-status', '0']);
});

test('HTTP/2: a tunnel is told with the answer that opens it', async (t) => {
  pair.next.script = (request) => {
    const key = `${request.field('sec-websocket-key') ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    const fields = `Connection: Upgrade\r\nUpgrade: websocket\r\nX-Lane: forged\r\nSec-WebSocket-Accept: ${accept}`;
    return `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`;
  };
  const { port } = await start(t);
  const client = await Http2Client.connect(`http://127.0.0.1:${port}`);
  t.after(() => client.destroy());
  const fields = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/x', ':authority': 'a' };
  const exchange = client.open({ ...fields, 'sec-websocket-version': '13' });
  assert.equal(await exchange.status(), 200);
  assert.deepEqual(exchange.fieldsNamed('x-lane'), ['v2']);
  assert.deepEqual(exchange.fieldsNamed('set-cookie'), [COOKIE_OF.v2]);
});
