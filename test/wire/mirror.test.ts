/** Copies of requests reach the mirror target as they should, as many as they should, and nobody waits for them. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { Http2Client } from '../support/http2-client.ts';
import { countsOf, untilMirror } from '../support/mirror-report.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let production: ScriptedUpstream;
let shadow: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  production = await ScriptedUpstream.start(() => ok('production'));
  shadow = await ScriptedUpstream.start(() => ok('shadow'));
  const url = `http://${shadow.address}`;
  const mirrors = {
    all: { url: `${url}$request_uri` },
    third: { url: `${url}$request_uri`, percent: 30 },
    bodiless: { url: `${url}/constant`, body: false, host: 'shadow.example:81' },
    composed: { url: `${url}/x?user=$arg_user&name=$http_x_name` },
  };
  const routes = Object.entries(mirrors).map(([name, mirror]) => {
    return { path: { prefix: `/${name}` }, upstream: 'a', mirror };
  });
  const dead = { path: { prefix: '/dead' }, upstream: 'none', mirror: mirrors.all };
  const upstreams = { a: { endpoints: [{ address: production.address }] }, none: { endpoints: [] } };
  sluice = await SluiceProcess.start({ config: { upstreams, routes: [...routes, dead] } });
});

after(async () => {
  await sluice.kill();
  await production.close();
  await shadow.close();
});

beforeEach(() => {
  production.forget();
  shadow.forget();
});

async function connect(t: TestContext): Promise<RawClient> {
  const client = await RawClient.connect(sluice.httpPort);
  t.after(() => client.destroy());
  return client;
}

async function send(client: RawClient, head: string, body: string | Buffer = ''): Promise<string> {
  client.write(`${head}\r\nHost: a.example\r\n`);
  if (body.length > 0) client.write(`Content-Length: ${body.length}\r\n`);
  client.write('\r\n');
  if (body.length > 0) client.write(body);
  return (await client.response()).body.toString();
}

test('a copy has the method, the path, the fields and the identity of the request, and says that it is a copy', async (t) => {
  const client = await connect(t);
  assert.equal(
    await send(client, 'PURGE /all/a%20b?c=d HTTP/1.1\r\nX-Kept: 1\r\nAuthorization: Basic YTpi'),
    'production',
  );
  const copy = await shadow.request();
  const { method, target } = copy;
  assert.deepEqual({ method, target }, { method: 'PURGE', target: '/all/a%20b?c=d' });
  assert.equal(copy.field('x-kept'), '1');
  assert.equal(copy.field('authorization'), 'Basic YTpi');
  assert.equal(copy.field('x-forwarded-host'), 'a.example');
  assert.equal(copy.field('host'), shadow.address);
  assert.equal(copy.field('x-sluice-mirror'), '1');
  const original = await production.request();
  assert.equal(copy.field('x-request-id'), original.field('x-request-id'));
  assert.equal(original.field('x-sluice-mirror'), null);
});

for (const [name, size] of [
  ['small', 5],
  ['large', 300_000],
] as const) {
  test(`a ${name} body is copied as it passes`, async (t) => {
    const body = Buffer.alloc(size, 'body.');
    assert.equal(await send(await connect(t), 'POST /all HTTP/1.1', body), 'production');
    assert.deepEqual((await shadow.request()).body, body);
    assert.deepEqual((await production.request()).body, body);
  });
}

test('a chunked body is copied with its length', async (t) => {
  const client = await connect(t);
  client.write('POST /all HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  await production.until(() => production.connections.find(({ received }) => received.includes('hello')));
  client.write('6\r\n world\r\n0\r\n\r\n');
  assert.equal((await client.response()).body.toString(), 'production');
  const copy = await shadow.request();
  assert.equal(copy.body.toString(), 'hello world');
  assert.equal(copy.field('content-length'), '11');
});

test('HTTP/2 requests are copied too', async (t) => {
  const client = await Http2Client.connect(`http://127.0.0.1:${sluice.httpPort}`);
  t.after(() => client.session.destroy());
  assert.equal((await client.get('/all/two', { 'x-kept': '2' })).body, 'production');
  const copy = await shadow.request();
  assert.equal(copy.target, '/all/two');
  assert.equal(copy.field('x-kept'), '2');
});

test('a route may ask for copies without body, at one path, under another host', async (t) => {
  assert.equal(await send(await connect(t), 'POST /bodiless/a HTTP/1.1', 'secret'), 'production');
  const copy = await shadow.request();
  assert.equal(copy.target, '/constant');
  assert.equal(copy.field('host'), 'shadow.example:81');
  assert.equal(copy.body.length, 0);
});

test('what variables bring along stays in the target', async (t) => {
  const head = 'GET /composed?user=a%0d%0ab HTTP/1.1\r\nX-Name: \xe9 HTTP/1.1#"';
  assert.equal(await send(await connect(t), head), 'production');
  assert.equal((await shadow.request()).target, '/x?user=a%0d%0ab&name=%E9%20HTTP/1.1%23%22');
});

test('the share of copies is the one that was asked for', async (t) => {
  const client = await connect(t);
  for (let turn = 0; turn < 2_000; turn++) assert.equal(await send(client, 'GET /third HTTP/1.1'), 'production');
  const report = await untilMirror(sluice, ({ inFlight }) => inFlight === 0);
  const { answered = 0, busy = 0 } = countsOf(report, '/third');
  const copies = answered + busy;
  // Five standard deviations.
  assert.ok(copies > 600 - 103 && copies < 600 + 103, `${copies} copies of 2000 requests`);
  assert.equal(shadow.requests.length, answered);
});

test('neither upgrades nor copies are copied', async (t) => {
  const client = await connect(t);
  const upgrade = 'GET /all/upgrade HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket';
  assert.equal(await send(client, upgrade), 'production');
  assert.equal(await send(client, 'GET /all/copy HTTP/1.1\r\nX-Sluice-Mirror: 1'), 'production');
  assert.equal(await send(client, 'GET /all/last HTTP/1.1'), 'production');
  assert.equal((await shadow.request()).target, '/all/last');
});

test('a request that fails is copied all the same', async (t) => {
  const client = await connect(t);
  client.write('GET /dead HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal(await client.status(), 503);
  assert.equal((await shadow.request()).target, '/dead');
});

test('a body that is too large to be copied passes, and its copy is dropped', async (t) => {
  const earlier = countsOf(await untilMirror(sluice, () => true), '/all')['body'] ?? 0;
  const body = Buffer.alloc(1_048_577, 'x');
  const client = await connect(t);
  assert.equal(await send(client, 'POST /all HTTP/1.1', body), 'production');
  client.write('POST /all HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n');
  client.write(body);
  client.write('\r\n0\r\n\r\n');
  assert.equal((await client.response()).body.toString(), 'production');
  const report = await untilMirror(sluice, (each) => countsOf(each, '/all')['body'] === earlier + 2);
  assert.equal(report.bufferedBytes, 0);
  assert.equal(shadow.requests.length, 0);
});

test('a body that its client never completes is not copied', async (t) => {
  const earlier = countsOf(await untilMirror(sluice, () => true), '/all')['incomplete'] ?? 0;
  const client = await connect(t);
  client.write('POST /all HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\nhalf');
  await production.until(() => production.connections.find(({ received }) => received.includes('half')));
  client.reset();
  const report = await untilMirror(sluice, (each) => countsOf(each, '/all')['incomplete'] === earlier + 1);
  assert.equal(report.bufferedBytes, 0);
  assert.equal(shadow.requests.length, 0);
});

test('counters are metrics of the route', async () => {
  const labels = 'route="|prefix|/third",host="",path="/third",namespace="",ingress=""';
  const text = await (await fetch(`http://127.0.0.1:${sluice.adminPort}/metrics`)).text();
  const line = text
    .split('\n')
    .find((each) => each.startsWith('sluice_mirror_requests_total{') && each.includes(labels));
  assert.match(line ?? '', /result="answered"/);
  assert.equal(await sluice.metric('sluice_mirror_in_flight'), 0);
});

test('a mirror that a changed configuration brings is used from its first request on', async (t) => {
  const plain = {
    upstreams: { a: { endpoints: [{ address: production.address }] } },
    routes: [{ host: 'other.example', upstream: 'a' }, { upstream: 'a' }],
  };
  const changing = await SluiceProcess.start({ config: plain });
  t.after(() => changing.kill());
  const [other] = plain.routes;
  const mirror = { url: `http://${shadow.address}$request_uri` };
  await changing.reload({ ...plain, routes: [other, { upstream: 'a', mirror }] });
  const client = await RawClient.connect(changing.httpPort);
  t.after(() => client.destroy());
  assert.equal(await send(client, 'GET /changed HTTP/1.1'), 'production');
  assert.equal((await shadow.request()).target, '/changed');
});
