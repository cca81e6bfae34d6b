/** Session affinity by cookie, from the first request to an endpoint that went and came back. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { Http2Client } from '../support/http2-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf, type RawMessage, statusOf } from '../support/raw-message.ts';
import { ok, type Script, ScriptedUpstream, type UpstreamRequest } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

interface Visit {
  readonly status: number;
  readonly pod: string;
  /** Whole value of the field; empty = none. */
  readonly setCookie: string;
  /** `NAME=value` of it. */
  readonly cookie: string;
}

const PODS = ['a', 'b', 'c', 'd'] as const;
type Pod = (typeof PODS)[number];

const pods = new Map<Pod, ScriptedUpstream>();
let sluice: SluiceProcess;

const answering =
  (name: string): Script =>
  (request) =>
    request.field('upgrade') === null ? ok(name) : switching(request);

function switching(request: UpstreamRequest): string {
  const key = request.field('sec-websocket-key') ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** Takes the request and ends the connection without an answer. */
const breaking: Script = ({ connection }) => {
  connection.socket.resetAndDestroy();
  return null;
};

function pod(name: Pod): ScriptedUpstream {
  return pods.get(name) as ScriptedUpstream;
}

function endpoints(...names: readonly Pod[]): readonly { readonly address: string }[] {
  return names.map((name) => ({ address: pod(name).address }));
}

const ATTRIBUTES = { path: '/attributes', domain: 'a.example', expires: '2d', maxAge: '2d', sameSite: 'Lax' };

const affinity = (cookie: object): object => ({ affinity: { cookie: { name: 'S', ...cookie } } });

/** @param shop who serves the shop now */
function configOf(...shop: readonly Pod[]): unknown {
  return {
    upstreams: {
      shop: { endpoints: endpoints(...shop) },
      next: { endpoints: endpoints('d') },
      narrow: { endpoints: endpoints(...shop), limits: { maxRequestsPerEndpoint: 1 } },
    },
    routes: [
      { path: { prefix: '/balanced' }, upstream: 'shop', ...affinity({}) },
      { path: { prefix: '/persistent' }, upstream: 'shop', ...affinity({ mode: 'persistent' }) },
      { path: { prefix: '/change' }, upstream: 'shop', ...affinity({ changeOnFailure: true }) },
      {
        path: { prefix: '/both' },
        upstream: 'shop',
        ...affinity({ changeOnFailure: true, mode: 'persistent' }),
      },
      { path: { prefix: '/attributes' }, upstream: 'shop', ...affinity(ATTRIBUTES) },
      { path: { prefix: '/secure' }, upstream: 'shop', ...affinity({ path: '/', secure: true, sameSite: 'None' }) },
      { path: { prefix: '/free' }, upstream: 'shop' },
      { path: { prefix: '/narrow' }, upstream: 'narrow', ...affinity({}) },
      {
        path: { prefix: '/canary' },
        upstream: 'shop',
        canaries: [{ upstream: 'next', header: { name: 'X-Canary' } }],
        ...affinity({}),
      },
      {
        path: { prefix: '/aborted' },
        upstream: 'shop',
        canaries: [
          {
            upstream: 'next',
            header: { name: 'X-Canary' },
            plan: { command: 'abort', steps: [{ percent: 50, hold: '1h' }, { percent: 100 }] },
          },
        ],
        ...affinity({}),
      },
    ],
  };
}

before(async () => {
  for (const name of PODS) pods.set(name, await ScriptedUpstream.start(answering(name)));
  sluice = await SluiceProcess.start({ config: configOf('a', 'b', 'c') });
});

after(async () => {
  await sluice.kill();
  for (const upstream of pods.values()) await upstream.close();
});

beforeEach(async () => {
  for (const [name, upstream] of pods) {
    upstream.script = answering(name);
    upstream.forget();
  }
  await sluice.reload(configOf('a', 'b', 'c'));
});

function toVisit(response: RawMessage): Visit {
  const setCookie = fieldOf(response, 'set-cookie') ?? '';
  const [cookie = ''] = setCookie.split(';', 1);
  return { status: statusOf(response), pod: response.body.toString(), setCookie, cookie };
}

async function visitOn(client: RawClient, path: string, cookie: string, fields: string): Promise<Visit> {
  const line = cookie === '' ? '' : `Cookie: ${cookie}\r\n`;
  client.write(`GET ${path} HTTP/1.1\r\nHost: a.example\r\n${line}${fields}\r\n`);
  return toVisit(await client.response());
}

async function visit(path: string, cookie = '', fields = ''): Promise<Visit> {
  const client = await RawClient.connect(sluice.httpPort);
  const visited = await visitOn(client, path, cookie, fields);
  client.destroy();
  return visited;
}

/** A client that this endpoint serves, by its cookie. */
async function clientOf(name: Pod, path: string): Promise<string> {
  for (let tries = 0; tries < 500; tries++) {
    const { pod: served, cookie } = await visit(path);
    if (served === name) return cookie;
  }
  throw new Error(`nobody of 500 clients came to ${name}`);
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

for (const path of ['/balanced', '/persistent']) {
  test(`${path}: a hundred requests with the cookie go where the first one went`, async () => {
    const first = await visit(path);
    assert.match(first.setCookie, new RegExp(`^S=[^|;]+\\|[0-9a-f]{32}; Path=${path}; HttpOnly$`));
    const client = await RawClient.connect(sluice.httpPort);
    for (let count = 0; count < 100; count++) {
      const next = await visitOn(client, path, `x=1; ${first.cookie}; y=2`, '');
      assert.deepEqual([next.pod, next.setCookie], [first.pod, '']);
    }
    client.destroy();
  });

  test(`${path}: clients without a cookie are spread over all endpoints`, async () => {
    const served = new Set<string>();
    for (let count = 0; count < 200 && served.size < 3; count++) served.add((await visit(path)).pod);
    assert.deepEqual([...served].toSorted(), ['a', 'b', 'c']);
  });
}

test('the second half of a cookie is the hash of the upstream', async () => {
  assert.equal((await visit('/balanced')).cookie.split('|')[1], md5(md5('shop') + 'shop'));
});

test('a persistent key names the endpoint', async () => {
  const { cookie, pod: served } = await visit('/persistent');
  assert.equal(cookie.slice('S='.length).split('|')[0], md5(`shop${pod(served as Pod).address}`));
});

test('balanced: a key nobody made leads somewhere, and always there', async () => {
  const first = await visit('/balanced', 'S=anything');
  assert.equal(first.setCookie, '');
  assert.equal((await visit('/balanced', 'S=anything|of|any;sort=1')).pod, first.pod);
});

test('persistent: a key nobody made gets a cookie', async () => {
  assert.notEqual((await visit('/persistent', 'S=anything')).setCookie, '');
});

test('balanced: who loses the endpoint moves and comes back with it, under the same cookie', async () => {
  const cookie = await clientOf('b', '/balanced');
  const stays = await clientOf('a', '/balanced');
  await sluice.reload(configOf('a', 'c'));
  const moved = await visit('/balanced', cookie);
  assert.match(moved.pod, /^[ac]$/);
  assert.equal(moved.setCookie, '');
  assert.equal((await visit('/balanced', stays)).pod, 'a');
  await sluice.reload(configOf('a', 'b', 'c'));
  const back = await visit('/balanced', cookie);
  assert.deepEqual([back.pod, back.setCookie], ['b', '']);
});

test('persistent: who loses the endpoint gets another one and its cookie, and stays there', async () => {
  const cookie = await clientOf('b', '/persistent');
  await sluice.reload(configOf('a', 'c'));
  const moved = await visit('/persistent', cookie);
  assert.match(moved.pod, /^[ac]$/);
  assert.notEqual(moved.cookie, '');
  await sluice.reload(configOf('a', 'b', 'c'));
  const later = await visit('/persistent', moved.cookie);
  assert.deepEqual([later.pod, later.setCookie], [moved.pod, '']);
});

test('persistent: more endpoints move nobody', async () => {
  await sluice.reload(configOf('a'));
  const { cookie } = await visit('/persistent');
  await sluice.reload(configOf('a', 'b', 'c'));
  assert.equal((await visit('/persistent', cookie)).pod, 'a');
});

test('a failing endpoint is tried again for its client, and the cookie stays', async () => {
  const cookie = await clientOf('b', '/balanced');
  pod('b').script = breaking;
  for (const upstream of pods.values()) upstream.forget();
  const failed = await visit('/balanced', cookie);
  assert.deepEqual([failed.status, failed.setCookie], [502, '']);
  assert.deepEqual([pod('a').requests.length, pod('c').requests.length], [0, 0]);
  pod('b').script = answering('b');
  assert.equal((await visit('/balanced', cookie)).pod, 'b');
});

for (const path of ['/change', '/both']) {
  test(`${path}: with change-on-failure the request goes elsewhere, and so do those that follow`, async () => {
    const cookie = await clientOf('b', path);
    pod('b').script = breaking;
    const moved = await visit(path, cookie);
    assert.equal(moved.status, 200);
    assert.notEqual(moved.pod, 'b');
    assert.notEqual(moved.cookie, '');
    pod('b').script = answering('b');
    const later = await visit(path, moved.cookie);
    assert.deepEqual([later.pod, later.setCookie], [moved.pod, '']);
  });
}

test('with change-on-failure and nobody else the request is repeated where it belongs', async () => {
  await sluice.reload(configOf('a'));
  const { cookie } = await visit('/change');
  let left = 1;
  pod('a').script = (request) => (left-- > 0 ? breaking(request) : ok('a'));
  const visited = await visit('/change', cookie);
  assert.deepEqual([visited.pod, visited.setCookie], ['a', '']);
});

test('a new client whose first endpoint fails gets the cookie of the one that answered', async () => {
  pod('a').script = breaking;
  pod('b').script = breaking;
  for (let count = 0; count < 10; count++) {
    const { pod: served, cookie } = await visit('/balanced');
    assert.equal(served, 'c');
    assert.equal((await visit('/balanced', cookie)).pod, 'c');
  }
});

test('the last of several cookies of the name counts', async () => {
  const [b, c] = [await clientOf('b', '/balanced'), await clientOf('c', '/balanced')];
  assert.equal((await visit('/balanced', `${b}; ${c}`)).pod, 'c');
  assert.equal((await visit('/balanced', `${c}; ${b}`)).pod, 'b');
});

test('all attributes stand in their order', async () => {
  const beforeAt = Math.floor(Date.now() / 1_000) * 1_000;
  const { setCookie } = await visit('/attributes');
  const [value = '', expires = '', ...rest] = setCookie.split('; ');
  assert.match(value, /^S=\d+\.\d+\.\d+\|[0-9a-f]{32}$/);
  assert.match(expires, /^Expires=[A-Z][a-z]{2}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/);
  const expiresAt = Date.parse(expires.slice('Expires='.length));
  assert.ok(expiresAt >= beforeAt + 172_800_000 && expiresAt <= Date.now() + 172_800_000, expires);
  assert.deepEqual(rest, ['Max-Age=172800', 'Domain=a.example', 'Path=/attributes', 'HttpOnly', 'SameSite=Lax']);
});

test('Secure is there where the client speaks TLS, or always when asked for', async () => {
  const client = await RawClient.connectTls(sluice.httpsPort, {});
  const overTls = await visitOn(client, '/balanced', '', '');
  client.destroy();
  assert.match(overTls.setCookie, /; Path=\/balanced; Secure; HttpOnly$/);
  assert.doesNotMatch((await visit('/balanced')).setCookie, /Secure/);
  assert.match((await visit('/secure')).setCookie, /; Path=\/; Secure; HttpOnly; SameSite=None$/);
});

test('a route without affinity does not care for cookies, also those of another route of the upstream', async () => {
  const { cookie } = await visit('/balanced');
  const served = new Set<string>();
  for (let count = 0; count < 3; count++) {
    const visited = await visit('/free', cookie);
    assert.equal(visited.setCookie, '');
    served.add(visited.pod);
  }
  assert.equal(served.size, 3);
});

test('a client whose endpoint is full goes elsewhere for that request, and comes back under the same cookie', async () => {
  const cookie = await clientOf('b', '/narrow');
  pod('b').script = () => null;
  pod('b').forget();
  const waiting = await RawClient.connect(sluice.httpPort);
  waiting.write(`GET /narrow HTTP/1.1\r\nHost: a.example\r\nCookie: ${cookie}\r\n\r\n`);
  const held = await pod('b').request();
  const elsewhere = await visit('/narrow', cookie);
  assert.match(elsewhere.pod, /^[ac]$/);
  assert.equal(elsewhere.setCookie, '');
  pod('b').script = answering('b');
  held.connection.write(ok('b'));
  assert.equal(toVisit(await waiting.response()).pod, 'b');
  waiting.destroy();
  assert.equal((await visit('/narrow', cookie)).pod, 'b');
});

test('an answer of our own sets no cookie', async () => {
  for (const name of PODS) pod(name).script = breaking;
  const failed = await visit('/balanced');
  assert.deepEqual([failed.status, failed.setCookie], [502, '']);
});

test('the cookies of the back end stay beside ours', async () => {
  const own = ok('a', 'Set-Cookie: own=1', 'Set-Cookie: S=mine');
  for (const name of PODS) pod(name).script = () => own;
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET /balanced HTTP/1.1\r\nHost: a.example\r\n\r\n');
  const { fields } = await client.response();
  client.destroy();
  const values = fields.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value);
  assert.deepEqual(values.slice(0, 2), ['own=1', 'S=mine']);
  assert.match(values[2] ?? '', /^S=\d/);
  assert.equal(values.length, 3);
});

test('an upgraded connection gets the cookie with its 101', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET /balanced HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  const response = await client.response();
  client.destroy();
  assert.equal(statusOf(response), 101);
  assert.match(fieldOf(response, 'set-cookie') ?? '', /^S=.*; Path=\/balanced; HttpOnly$/);
});

async function connectHttp2(t: TestContext): Promise<Http2Client> {
  const client = await Http2Client.connect(`https://127.0.0.1:${sluice.httpsPort}`);
  t.after(() => client.session.destroy());
  return client;
}

test('HTTP/2: the same, with cookies in crumbs', async (t) => {
  const client = await connectHttp2(t);
  const first = await client.get('/balanced');
  const setCookie = first.field('set-cookie') ?? '';
  assert.match(setCookie, /^S=[^;]+; Path=\/balanced; Secure; HttpOnly$/);
  const [cookie = ''] = setCookie.split(';', 1);
  for (let count = 0; count < 20; count++) {
    const next = await client.get('/balanced', { cookie: ['x=1', cookie] });
    assert.deepEqual([next.body, next.field('set-cookie')], [first.body, undefined]);
  }
});

test('HTTP/2: a web socket gets the cookie with the answer that opens it', async (t) => {
  const client = await connectHttp2(t);
  const pseudo = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/balanced', ':authority': 'a.example' };
  const socket = client.open({ ...pseudo, 'sec-websocket-version': '13' });
  assert.equal(await socket.status(), 200);
  assert.match(socket.field('set-cookie') ?? '', /^S=.*; Path=\/balanced; Secure; HttpOnly$/);
});

test('a client of the canary stays there whatever its header says later, and one of main likewise', async () => {
  const ofCanary = await visit('/canary', '', 'X-Canary: always\r\n');
  assert.equal(ofCanary.pod, 'd');
  assert.equal(ofCanary.cookie.split('|')[1], md5(md5('next') + 'next'));
  const stays = await visit('/canary', ofCanary.cookie, 'X-Canary: never\r\n');
  assert.deepEqual([stays.pod, stays.setCookie], ['d', '']);
  const ofMain = await visit('/canary', '', 'X-Canary: never\r\n');
  const remains = await visit('/canary', ofMain.cookie, 'X-Canary: always\r\n');
  assert.deepEqual([remains.pod, remains.setCookie], [ofMain.pod, '']);
});

test('a cookie that does not say whose it is leaves the choice to the rules', async () => {
  assert.equal((await visit('/canary', 'S=old', 'X-Canary: always\r\n')).pod, 'd');
  assert.notEqual((await visit('/canary', 'S=old')).pod, 'd');
});

test('who was with a canary that was aborted gets a new session, so that the next release does not have all of them at once', async () => {
  const ofCanary = await visit('/canary', '', 'X-Canary: always\r\n');
  assert.equal(ofCanary.pod, 'd');
  const comesAnew = await visit('/aborted', ofCanary.cookie);
  assert.notEqual(comesAnew.pod, 'd');
  assert.equal(comesAnew.cookie.split('|')[1], md5(md5('shop') + 'shop'));
  const stays = await visit('/aborted', comesAnew.cookie);
  assert.deepEqual([stays.pod, stays.setCookie], [comesAnew.pod, '']);
  const looks = await visit('/aborted', ofCanary.cookie, 'X-Canary: always\r\n');
  assert.deepEqual([looks.pod, looks.setCookie], ['d', '']);
});
