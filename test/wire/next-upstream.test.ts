/** What counts as a failed try, and which requests are then sent to another endpoint: over real sockets, as tables. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, mock, test } from 'node:test';
import { DEFAULT_ROUTE_POLICY, type RoutePolicy } from '../../src/model/route-policy.ts';
import { MAX_KEPT_BYTES } from '../../src/proxy/kept-body.ts';
import { closedPort } from '../support/closed-port.ts';
import { eventuallyTrue, untilQuiet } from '../support/eventually-true.ts';
import { Http2Client } from '../support/http2-client.ts';
import { Http2Upstream } from '../support/http2-upstream.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { ManualTime } from '../support/manual-time.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RawMessage, statusOf } from '../support/raw-message.ts';
import { ok, reply, type Script, ScriptedUpstream } from '../support/scripted-upstream.ts';

const TIMEOUT_MS = 300;

/** Takes the first try, nearly always: its weight is a thousand times that of the other. */
let bad: ScriptedUpstream;
let good: ScriptedUpstream;
let proxy: InProcessProxy;
let refusing: string;
/** Passes only where a row says so: no endpoint that answers is ever too late. */
let time: ManualTime;

before(async () => {
  time = new ManualTime(mock);
  bad = await ScriptedUpstream.start(() => null);
  good = await ScriptedUpstream.start(() => ok('good'));
  refusing = `127.0.0.1:${await closedPort()}`;
  proxy = new InProcessProxy({});
});

after(async () => {
  await proxy.close();
  await bad.close();
  await good.close();
  mock.reset();
});

beforeEach(() => {
  bad.forget();
  good.forget();
  good.script = ({ body }) => ok(`good ${body.toString()}`);
});

let applied = 0;

/** Each time to an upstream of its own: what endpoints have done before must not count. */
async function apply(policy: Partial<RoutePolicy>, ...endpoints: readonly string[]): Promise<void> {
  const id = `upstream-${++applied}`;
  await proxy.apply({
    upstreams: [upstreamConfig(id, ...endpoints)],
    routes: [routeConfig('r', id, { policy: { ...DEFAULT_ROUTE_POLICY, ...policy } })],
  });
}

async function send(method: string, body = ''): Promise<RawMessage> {
  const client = await RawClient.connect(proxy.port);
  client.write(`${method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const response = await client.response(method === 'HEAD');
  client.destroy();
  return response;
}

const reset: Script = ({ connection }) => {
  connection.socket.resetAndDestroy();
  return null;
};
const silent: Script = () => null;
const garbage: Script = ({ connection }) => {
  connection.socket.end('no response at all\r\n\r\n');
  return null;
};
const status =
  (code: number): Script =>
  () =>
    reply(code, `bad ${code}`);

interface Row {
  readonly name: string;
  /** Null: nobody listens. */
  readonly script: Script | null;
  readonly policy?: Partial<RoutePolicy>;
  readonly method?: string;
  /** Of the answer; 200 = the other endpoint was tried. */
  readonly expected: number;
}

const ON_STATUSES: Partial<RoutePolicy> = { retryOn: ['http_500', 'http_503', 'http_404'] };
const AND_POSTS: Partial<RoutePolicy> = { retryNonIdempotent: true };

const ROWS: readonly Row[] = [
  { name: 'a refused connection is tried again by default', script: null, expected: 200 },
  { name: 'also for POST, because nothing was sent', script: null, method: 'POST', expected: 200 },
  { name: 'also for LOCK', script: null, method: 'LOCK', expected: 200 },
  { name: 'but not where `error` is not named', script: null, policy: { retryOn: ['timeout'] }, expected: 502 },
  { name: 'off: nothing is tried again', script: null, policy: { retryOn: [] }, expected: 502 },
  { name: 'one attempt: nothing is tried again', script: null, policy: { retryAttempts: 1 }, expected: 502 },
  { name: 'a connection that breaks before the response is an error', script: reset, expected: 200 },
  { name: 'PUT is sent again', script: reset, method: 'PUT', expected: 200 },
  { name: 'DELETE is sent again', script: reset, method: 'DELETE', expected: 200 },
  { name: 'POST is not sent again', script: reset, method: 'POST', expected: 502 },
  { name: 'LOCK is not sent again', script: reset, method: 'LOCK', expected: 502 },
  { name: 'PATCH is not sent again', script: reset, method: 'PATCH', expected: 502 },
  { name: 'an unknown method is not sent again', script: reset, method: 'X', expected: 502 },
  { name: 'non_idempotent: POST is sent again', script: reset, policy: AND_POSTS, method: 'POST', expected: 200 },
  { name: 'non_idempotent: PATCH is sent again', script: reset, policy: AND_POSTS, method: 'PATCH', expected: 200 },
  { name: 'silence is a timeout, tried again by default', script: silent, expected: 200 },
  { name: 'silence after a POST is 504', script: silent, method: 'POST', expected: 504 },
  {
    name: 'silence is 504 where `timeout` is not named',
    script: silent,
    policy: { retryOn: ['error'] },
    expected: 504,
  },
  { name: 'what is no HTTP is not tried again by default', script: garbage, expected: 502 },
  { name: 'invalid_header: it is', script: garbage, policy: { retryOn: ['invalid_header'] }, expected: 200 },
  { name: 'statuses are passed on by default', script: status(503), expected: 503 },
  { name: 'http_503: another endpoint is tried', script: status(503), policy: ON_STATUSES, expected: 200 },
  { name: 'http_404: another endpoint is tried', script: status(404), policy: ON_STATUSES, expected: 200 },
  { name: 'other statuses are passed on', script: status(502), policy: ON_STATUSES, expected: 502 },
  {
    name: 'http_503 after a POST is passed on',
    script: status(503),
    policy: ON_STATUSES,
    method: 'POST',
    expected: 503,
  },
  {
    name: 'http_503 after a POST with non_idempotent is tried again',
    script: status(503),
    policy: { ...ON_STATUSES, ...AND_POSTS },
    method: 'POST',
    expected: 200,
  },
];

/** That many attempts at the silent one come to their end. */
async function timeOut(attempts: number): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    await bad.request(attempt);
    time.pass(TIMEOUT_MS);
  }
}

for (const { name, script, policy = {}, method = 'GET', expected } of ROWS) {
  test(name, async () => {
    bad.script = script ?? silent;
    await apply(
      { responseTimeoutMs: TIMEOUT_MS, ...policy },
      `${script === null ? refusing : bad.address}*1000`,
      good.address,
    );
    const answered = send(method, method === 'GET' ? '' : 'body');
    if (script === silent) await timeOut(1);
    const response = await answered;
    assert.equal(statusOf(response), expected);
    assert.equal(bad.requests.length, script === null ? 0 : 1);
    assert.equal(good.requests.length, expected === 200 ? 1 : 0);
    if (expected === 200 && method !== 'GET') assert.equal(response.body.toString(), 'good body');
  });
}

test('when the tries are used up, the last answer of a back end is passed on', async () => {
  let count = 0;
  bad.script = () => reply(503, `answer ${++count}`);
  await apply({ ...ON_STATUSES, retryAttempts: 3 }, bad.address);
  const response = await send('GET');
  assert.equal(statusOf(response), 503);
  assert.equal(response.body.toString(), 'answer 3');
});

test('no try begins after the time for them', async () => {
  bad.script = silent;
  await apply({ responseTimeoutMs: TIMEOUT_MS, retryTimeoutMs: TIMEOUT_MS, retryAttempts: 10 }, bad.address);
  const answered = send('GET');
  await timeOut(1);
  assert.equal(statusOf(await answered), 504);
  assert.equal(bad.requests.length, 1);
});

test('each attempt has the whole response timeout', async () => {
  bad.script = silent;
  await apply({ responseTimeoutMs: TIMEOUT_MS, retryAttempts: 3 }, bad.address);
  const answered = send('GET');
  await timeOut(3);
  assert.equal(statusOf(await answered), 504);
  assert.equal(bad.requests.length, 3);
});

test('requests of HTTP/2 are tried again like those of HTTP/1.1, with their bodies', async (t) => {
  await apply({ ...ON_STATUSES, ...AND_POSTS }, `${bad.address}*1000`, good.address);
  bad.script = status(503);
  const client = await Http2Client.connect(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.destroy());
  const exchange = await client.post('/x', 'y'.repeat(50_000));
  assert.equal(await exchange.status(), 200);
  assert.equal(exchange.body, `good ${'y'.repeat(50_000)}`);
  assert.equal(bad.requests.length, 1);
});

test('back ends of HTTP/2 are tried in turn: a status that counts as failed, then an answer', async (t) => {
  const first = await Http2Upstream.start((request) => request.answer('no', { ':status': 503 }));
  const second = await Http2Upstream.start((request) => request.answer('yes'));
  t.after(() => Promise.all([first.close(), second.close()]));
  const upstream = upstreamConfig('h2', `${first.address}*1000`, second.address);
  await proxy.apply({
    upstreams: [{ ...upstream, protocol: 'http2' }],
    routes: [routeConfig('r', 'h2', { policy: { ...DEFAULT_ROUTE_POLICY, ...ON_STATUSES } })],
  });
  const response = await send('PUT', 'z'.repeat(20_000));
  assert.equal(response.body.toString(), 'yes');
  assert.equal(second.requests[0]?.body.length, 20_000);
  assert.equal(first.sessions[0]?.destroyed, false, 'the connection of the refused try lives on');
});

test('a POST that a back end of HTTP/2 refuses unseen is sent again, one that it may have seen is not', async (t) => {
  const second = await Http2Upstream.start((request) => request.answer('yes'));
  const first = await Http2Upstream.start((request) => request.stream.close(code));
  t.after(() => Promise.all([first.close(), second.close()]));
  const upstream = upstreamConfig('h2', `${first.address}*1000`, second.address);
  await proxy.apply({ upstreams: [{ ...upstream, protocol: 'http2' }], routes: [routeConfig('r', 'h2')] });
  const REFUSED_STREAM = 7;
  const INTERNAL_ERROR = 2;
  let code = REFUSED_STREAM;
  assert.equal(statusOf(await send('POST', 'z'.repeat(20_000))), 200);
  assert.equal(second.requests[0]?.body.length, 20_000);
  code = INTERNAL_ERROR;
  assert.equal(statusOf(await send('POST', 'z'.repeat(20_000))), 502);
  assert.deepEqual([first.requests.length, second.requests.length], [2, 1]);
});

test('a body is sent again only when all of it was kept', async () => {
  bad.script = reset;
  const kept: Partial<RoutePolicy> = { ...AND_POSTS, retryBufferBytes: 20_000 };
  for (const [policy, bytes, expected] of [
    [kept, 20_000, 200],
    [kept, 20_001, 502],
    [{ ...kept, retryBufferBytes: 0 }, 5_000, 502],
    [{ ...kept, streamRequest: true }, 5_000, 502],
    // It came along with the head.
    [{ ...kept, retryBufferBytes: 0 }, 100, 200],
    [{ ...kept, streamRequest: true }, 100, 502],
    [{ ...kept, streamRequest: true }, 0, 200],
  ] as const) {
    await apply(policy, `${bad.address}*1000`, good.address);
    const response = await send('POST', 'b'.repeat(bytes));
    assert.equal(statusOf(response), expected, `${bytes} ${JSON.stringify(policy)}`);
    if (expected === 200) assert.equal(response.body.toString(), `good ${'b'.repeat(bytes)}`);
    assert.equal(proxy.worker.keptBodyBytes, 0, 'nothing stays behind');
  }
});

test('a streamed request goes to another endpoint as long as nothing of it was sent', async () => {
  await apply({ streamRequest: true }, `${refusing}*1000`, good.address);
  assert.equal((await send('POST', 'b'.repeat(5_000))).body.toString(), `good ${'b'.repeat(5_000)}`);
});

test('a body that was kept so far goes on where it was interrupted', async (t) => {
  bad.script = () => null;
  await apply(AND_POSTS, `${bad.address}*1000`, good.address);
  const client = await RawClient.connect(proxy.port);
  t.after(() => client.destroy());
  const known = bad.connections.length;
  client.write('POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
  const connection = await bad.until(() =>
    bad.connections.slice(known).find(({ received }) => received.includes('first')),
  );
  connection.socket.resetAndDestroy();
  await good.until(() => good.connections.find(({ received }) => received.includes('first')));
  client.write('6\r\nsecond\r\n0\r\n\r\n');
  assert.equal((await client.response()).body.toString(), 'good firstsecond');
});

test('bodies that are kept have a limit all together, beyond which they are not kept', async () => {
  bad.script = reset;
  await apply(AND_POSTS, `${bad.address}*1000`, good.address);
  proxy.worker.keptBodyBytes = MAX_KEPT_BYTES - 4_999;
  assert.equal(statusOf(await send('POST', 'b'.repeat(5_000))), 502);
  proxy.worker.keptBodyBytes = MAX_KEPT_BYTES - 5_000;
  assert.equal(statusOf(await send('POST', 'b'.repeat(5_000))), 200);
  assert.equal(proxy.worker.keptBodyBytes, MAX_KEPT_BYTES - 5_000);
  proxy.worker.keptBodyBytes = 0;
});

test('a back end that takes no more of a request is 504 after the send timeout', async (t) => {
  bad.script = silent;
  await apply({ sendTimeoutMs: TIMEOUT_MS, retryOn: [] }, bad.address);
  const client = await RawClient.connect(proxy.port);
  t.after(() => client.destroy());
  const known = bad.connections.length;
  client.write('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n');
  (await bad.until(() => bad.connections[known])).socket.pause();
  for (let i = 0; i < 20; i++) client.write(Buffer.alloc(1_000_000));
  // Each piece that is taken after all begins the time anew.
  await eventuallyTrue(async () => {
    await untilQuiet(() => client.socket.writableLength);
    time.pass(TIMEOUT_MS);
    return client.receivedBytes > 0;
  });
  assert.equal(await client.status(), 504);
});
