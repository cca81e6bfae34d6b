/** Backups of upstreams: when they take over, for what, and who can tell. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { DEFAULT_ROUTE_POLICY, type RoutePolicy } from '../../src/model/route-policy.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';
import { closedPort } from '../support/closed-port.ts';
import { Http2Client } from '../support/http2-client.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { type RawMessage, statusOf } from '../support/raw-message.ts';
import { ok, reply, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let main: ScriptedUpstream;
let backup: ScriptedUpstream;

before(async () => {
  main = await ScriptedUpstream.start(() => null);
  backup = await ScriptedUpstream.start(() => null);
});

after(async () => {
  await main.close();
  await backup.close();
});

beforeEach(() => {
  main.forget();
  backup.forget();
  main.script = () => ok('main');
  backup.script = () => ok('backup');
});

async function start(
  t: TestContext,
  addresses: readonly string[],
  policy: Partial<RoutePolicy> = {},
): Promise<InProcessProxy> {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  await proxy.apply({
    upstreams: [
      { ...upstreamConfig('a', ...addresses), backup: 'b' },
      { ...upstreamConfig('b', backup.address), backup: 'a' },
    ],
    routes: [routeConfig('r', 'a', { policy: { ...DEFAULT_ROUTE_POLICY, ...policy } })],
  });
  return proxy;
}

async function send(port: number, method = 'GET', body = ''): Promise<RawMessage> {
  const client = await RawClient.connect(port);
  client.write(`${method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const response = await client.response();
  client.destroy();
  return response;
}

test('as long as an endpoint is healthy, the backup gets nothing', async (t) => {
  const proxy = await start(t, [main.address]);
  assert.equal((await send(proxy.port)).body.toString(), 'main');
  assert.equal(backup.requests.length, 0);
  assert.equal(proxy.accessLog[0]?.backup, false);
});

test('without endpoints the backup takes over, whatever the method', async (t) => {
  const proxy = await start(t, []);
  assert.equal((await send(proxy.port, 'POST', 'body')).body.toString(), 'backup');
  const [entry] = proxy.accessLog;
  assert.deepEqual([entry?.backup, entry?.upstreamId, entry?.attempts], [true, 'b', 1]);
  assert.equal(proxy.live.upstreams.get('a')?.traffic.backupRequests, 1);
});

test('with no healthy endpoint the backup takes over, and gives back when one returns', async (t) => {
  const proxy = await start(t, [main.address]);
  const health = (healthy: boolean): void =>
    proxy.live.upstreams.applyHealth([
      { upstreamId: 'a', endpointId: main.address, healthy, reason: healthy ? '' : 'x' },
    ]);
  health(false);
  assert.equal((await send(proxy.port)).body.toString(), 'backup');
  health(true);
  assert.equal((await send(proxy.port)).body.toString(), 'main');
  proxy.live.upstreams.applyHealth([
    { upstreamId: 'a', endpointId: main.address, healthy: false, reason: 'x' },
    { upstreamId: 'b', endpointId: backup.address, healthy: false, reason: 'x' },
  ]);
  assert.equal((await send(proxy.port)).body.toString(), 'main', 'where nobody is healthy, the backup is no better');
});

test('when all attempts have failed, the backup gets the request and its body', async (t) => {
  backup.script = ({ body }) => ok(body.toString());
  const proxy = await start(t, [`127.0.0.1:${await closedPort()}`, `127.0.0.1:${await closedPort()}`]);
  assert.equal((await send(proxy.port, 'POST', 'a body')).body.toString(), 'a body');
  assert.equal(proxy.accessLog[0]?.attempts, 4);
});

test('a request of HTTP/2 goes to the backup as well', async (t) => {
  const proxy = await start(t, [`127.0.0.1:${await closedPort()}`]);
  const client = await Http2Client.connect(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.destroy());
  assert.equal((await client.post('/x', 'b'.repeat(30_000))).body, 'backup');
});

test('statuses that count as failed lead to the backup, others are the answer', async (t) => {
  main.script = () => reply(503, 'busy');
  const proxy = await start(t, [main.address], { retryOn: ['http_503'] });
  assert.equal((await send(proxy.port)).body.toString(), 'backup');
  assert.equal(main.requests.length, 3);
  main.script = () => reply(500, 'broken');
  assert.equal((await send(proxy.port)).body.toString(), 'broken');
});

test('what must not be sent twice does not go to the backup either', async (t) => {
  main.script = ({ connection }) => {
    connection.socket.resetAndDestroy();
    return null;
  };
  const proxy = await start(t, [main.address]);
  assert.equal(statusOf(await send(proxy.port, 'POST', 'body')), 502);
  assert.deepEqual([main.requests.length, backup.requests.length], [1, 0]);
});

test('two upstreams that are backups of each other end after both have failed', async (t) => {
  backup.script = ({ connection }) => {
    connection.socket.resetAndDestroy();
    return null;
  };
  const proxy = await start(t, [`127.0.0.1:${await closedPort()}`], { retryAttempts: 2 });
  assert.equal(statusOf(await send(proxy.port)), 502);
  assert.equal(backup.requests.length, 2);
});

test('a spent retry budget sends requests on to the backup', async (t) => {
  const proxy = await start(t, [`127.0.0.1:${await closedPort()}`]);
  const { traffic } = proxy.live.upstreams.get('a') ?? assert.fail();
  Object.assign(traffic.budget, { percent: 0, perSecond: 0 });
  assert.equal((await send(proxy.port)).body.toString(), 'backup');
  assert.deepEqual([traffic.budgetExhausted, traffic.backupRequests, proxy.accessLog[0]?.attempts], [1, 1, 2]);
});

test('requests that wait for room when the last endpoint goes are sent to the backup, even one that seems in trouble', async (t) => {
  main.script = () => null;
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  const limits = { ...DEFAULT_UPSTREAM_POLICY.limits, maxRequests: 1 };
  const apply = (...addresses: readonly string[]): Promise<void> =>
    proxy.apply({
      upstreams: [
        { ...upstreamConfig('a', ...addresses), backup: 'b', limits },
        { ...upstreamConfig('b', backup.address) },
      ],
      routes: [routeConfig('r', 'a')],
    });
  await apply(main.address);
  const first = send(proxy.port);
  await main.request(1);
  const waiting = [send(proxy.port), send(proxy.port)];
  while (proxy.live.upstreams.get('a')?.traffic.admission?.waiting !== 2) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  proxy.live.upstreams.get('b')?.applyVerdicts([{ endpointId: backup.address, healthy: false, reason: 'x' }]);
  await apply();
  for (const response of await Promise.all(waiting)) assert.equal(response.body.toString(), 'backup');
  assert.equal((await send(proxy.port)).body.toString(), 'backup');
  main.requests[0]?.connection.write(ok('main'));
  assert.equal((await first).body.toString(), 'main');
});

test('the static file names backups, and metrics count what they got', async (t) => {
  const sluice = await SluiceProcess.start({
    config: {
      upstreams: {
        a: { endpoints: [{ address: `127.0.0.1:${await closedPort()}` }], backup: 'b' },
        b: { endpoints: [{ address: backup.address }] },
      },
      routes: [{ upstream: 'a', retries: { attempts: 2, on: ['error'], timeout: '10s', nonIdempotent: true } }],
    },
  });
  t.after(() => sluice.kill());
  assert.equal((await send(sluice.httpPort)).body.toString(), 'backup');
  assert.equal(await sluice.metric('sluice_upstream_backup_requests_total{upstream="a"}'), 1);
  assert.equal(await sluice.metric('sluice_upstream_retries_total{upstream="a",reason="error"}'), 2);
});
