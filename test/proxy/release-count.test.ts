/** What each way a request can end says of the release its side belongs to. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { LATENCY_BUCKET_COUNT, latencyBoundMs, type SideFigures } from '../../src/model/release.ts';
import { DEFAULT_ROUTE_POLICY } from '../../src/model/route-policy.ts';
import { AwaitedState } from '../support/awaited-state.ts';
import { Http2Client } from '../support/http2-client.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { canaryConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { release } from '../support/release.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';

let upstream: ScriptedUpstream;
let proxy: InProcessProxy;
const logged = new AwaitedState();

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'), { headOnly: true });
  proxy = new InProcessProxy({}, () => logged.report());
});

after(async () => {
  await proxy.close();
  await upstream.close();
});

interface Rules {
  /** Percent for the canary. */
  readonly weight?: number;
  readonly attempts?: number;
  readonly main?: readonly string[];
  readonly responseTimeoutMs?: number;
}

/** Counts begin anew with each call: the route before belonged to another release. */
async function start({ weight = 100, attempts = 1, main, responseTimeoutMs = 60_000 }: Rules = {}): Promise<void> {
  const id = `release-${proxy.live.current.number}`;
  const header = { name: 'x-canary', kind: 'word', value: '' } as const;
  const canary = canaryConfig('next', { header, weight, release: release({ id }) });
  await proxy.apply({
    upstreams: [upstreamConfig('main', ...(main ?? [upstream.address])), upstreamConfig('next', upstream.address)],
    routes: [
      routeConfig('route', 'main', {
        policy: {
          ...DEFAULT_ROUTE_POLICY,
          responseTimeoutMs,
          retryAttempts: attempts,
          retryOn: ['error', 'timeout', 'http_503'],
        },
        split: { members: [{ upstream: 'main', weight: 1, filters: [] }], canaries: [canary] },
      }),
    ],
  });
}

beforeEach(() => {
  upstream.forget();
  upstream.script = ({ connection }) => {
    connection.socket.end(ok('fine', 'Connection: close'));
    return null;
  };
  proxy.accessLog.length = 0;
});

function format({ requests, failures, latency }: SideFigures): string {
  assert.equal(latency.length, LATENCY_BUCKET_COUNT);
  return `${requests} ${failures} ${latency.reduce((sum, count) => sum + count, 0)}`;
}

/** Requests, failures, and answers by duration of both sides. */
function figures(): Readonly<Record<'stable' | 'canary', string>> {
  const [row] = proxy.live.releases.toFigures();
  assert.ok(row !== undefined);
  return { stable: format(row.stable), canary: format(row.canary) };
}

/** In all, whatever release the route belonged to. */
function failuresOfCanary(): number {
  const rows = proxy.live.routeStats.get('route')?.toRow().split ?? [];
  return rows.find(({ canary }) => canary)?.failures ?? 0;
}

const NOTHING = '0 0 0';
const ANSWER = '1 0 1';
const FAILURE = '1 1 0';

function get(...fields: readonly string[]): string {
  return `GET / HTTP/1.1\r\n${['Host: a.example', ...fields].join('\r\n')}\r\n\r\n`;
}

async function exchange(text: string): Promise<void> {
  const client = await RawClient.connect(proxy.port);
  client.write(text);
  await client.response();
  client.destroy();
  await logged.until(() => proxy.accessLog[0]);
}

test('an answer counts where the weight sent the request', async () => {
  await start();
  await exchange(get());
  assert.deepEqual(figures(), { stable: NOTHING, canary: ANSWER });
});

test('an answer of the main upstream counts as stable', async () => {
  // A hair more than nothing: the canary is there, and draws never hit it.
  await start({ weight: 1e-9 });
  await exchange(get());
  assert.deepEqual(figures(), { stable: ANSWER, canary: NOTHING });
});

test('whom a rule or a refusal sent counts nowhere', async () => {
  await start();
  await exchange(get('X-Canary: always'));
  proxy.accessLog.length = 0;
  await exchange(get('X-Canary: never'));
  assert.deepEqual(figures(), { stable: NOTHING, canary: NOTHING });
});

test('answers the back end means are no failures, its errors are', async () => {
  for (const [status, expected] of [
    [404, ANSWER],
    [500, FAILURE],
    [503, FAILURE],
  ] as const) {
    await start();
    upstream.script = () => `HTTP/1.1 ${status} Answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    proxy.accessLog.length = 0;
    await exchange(get());
    assert.equal(figures().canary, expected, String(status));
  }
});

test('a connection that breaks is a failure', async () => {
  await start();
  upstream.script = ({ connection }) => {
    connection.socket.resetAndDestroy();
    return null;
  };
  await exchange(get());
  assert.equal(figures().canary, FAILURE);
});

test('so is one that another attempt made up for, by whatever condition', async () => {
  for (const broken of ['', 'HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n']) {
    await start({ attempts: 2 });
    let turn = 0;
    upstream.script = ({ connection }) => {
      if (turn++ > 0) return ok('fine', 'Connection: close');
      if (broken === '') connection.socket.resetAndDestroy();
      return broken === '' ? null : broken;
    };
    proxy.accessLog.length = 0;
    await exchange(get());
    assert.deepEqual([proxy.accessLog[0]?.status, proxy.accessLog[0]?.attempts], [200, 2]);
    assert.equal(figures().canary, FAILURE);
  }
});

const CUT_SHORT: readonly (readonly [name: string, answer: string])[] = [
  ['shorter than announced', 'Content-Length: 10\r\n\r\nhalf'],
  ['that ends between two chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ['that ends inside a chunk', 'Transfer-Encoding: chunked\r\n\r\nff\r\nhalf'],
  ['with a chunk that is none', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nhalf'],
];

for (const [name, answer] of CUT_SHORT) {
  test(`an answer ${name} is a failure of its side, whatever its status`, async () => {
    await start();
    upstream.script = ({ connection }) => {
      connection.socket.end(`HTTP/1.1 200 OK\r\n${answer}`);
      return null;
    };
    const earlier = failuresOfCanary();
    const client = await RawClient.connect(proxy.port);
    client.write(get());
    await client.remainder();
    const entry = await logged.until(() => proxy.accessLog[0]);
    assert.equal(entry.status, 200);
    assert.equal(figures().canary, FAILURE);
    assert.equal(failuresOfCanary() - earlier, 1);
  });
}

test('an answer that falls silent is a failure', async () => {
  await start({ responseTimeoutMs: 50 });
  upstream.script = () => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf';
  const earlier = failuresOfCanary();
  const client = await RawClient.connect(proxy.port);
  client.write(get());
  await client.remainder();
  const entry = await logged.until(() => proxy.accessLog[0]);
  assert.deepEqual([entry.status, entry.outcome], [200, 'upstream-response-timeout']);
  assert.deepEqual([figures().canary, failuresOfCanary() - earlier], [FAILURE, 1]);
});

test('so is a plain answer to whom only a tunnel would do', async (t: TestContext) => {
  await start();
  upstream.script = () => ok('no tunnel', 'Connection: close');
  const earlier = failuresOfCanary();
  const client = await Http2Client.connect(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.destroy());
  const fields = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/', ':authority': 'a.example' };
  client.open({ ...fields, 'sec-websocket-version': '13' });
  const entry = await logged.until(() => proxy.accessLog[0]);
  assert.deepEqual([entry.status, entry.outcome], [200, 'upstream-invalid-response']);
  assert.deepEqual([figures().canary, failuresOfCanary() - earlier], [FAILURE, 1]);
});

test('an answer that the client leaves is no failure of anybody', async () => {
  await start();
  upstream.script = () => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf';
  const earlier = failuresOfCanary();
  const client = await RawClient.connect(proxy.port);
  client.write(get());
  await client.bytes((received) => received.includes('half'));
  client.destroy();
  await logged.until(() => proxy.accessLog[0]);
  assert.deepEqual([figures().canary, failuresOfCanary() - earlier], [ANSWER, 0]);
});

test('an outage of the main upstream says nothing about either side', async () => {
  await start({ main: [] });
  await exchange(get());
  assert.equal(proxy.accessLog[0]?.status, 503);
  assert.deepEqual(figures(), { stable: NOTHING, canary: NOTHING });
});

test('a client that gives up waiting counts with the time it waited', async () => {
  await start();
  upstream.script = () => null;
  const client = await RawClient.connect(proxy.port);
  client.write(get());
  await upstream.request();
  client.destroy();
  const entry = await logged.until(() => proxy.accessLog[0]);
  assert.equal(figures().canary, ANSWER);
  const bucket = proxy.live.releases.toFigures()[0]?.canary.latency.indexOf(1) ?? -1;
  assert.ok(latencyBoundMs(bucket) >= entry.durationMs);
  assert.ok(bucket === 0 || latencyBoundMs(bucket - 1) < entry.durationMs);
});

test('a client that goes while it sends its body, or breaks it, counts nowhere', async () => {
  await start();
  upstream.script = () => null;
  const client = await RawClient.connect(proxy.port);
  client.write('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100000\r\n\r\nhalf');
  await upstream.request();
  client.destroy();
  await logged.until(() => proxy.accessLog[0]);
  proxy.accessLog.length = 0;
  await exchange('POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\nxyz');
  assert.equal(proxy.accessLog[0]?.status, 400);
  assert.equal(figures().canary, NOTHING);
});

test('a tunnel counts without its duration', async () => {
  await start();
  upstream.script = () => 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
  const client = await RawClient.connect(proxy.port);
  client.write(get('Connection: upgrade', 'Upgrade: echo'));
  assert.equal(await client.status(), 101);
  const { connection } = await upstream.request();
  connection.socket.resetAndDestroy();
  await client.remainder();
  await logged.until(() => proxy.accessLog[0]);
  assert.equal(figures().canary, '1 0 0');
});
