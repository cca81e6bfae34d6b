/** Every request is counted and logged exactly once, however it ends, and leaves nothing in flight. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, mock, test } from 'node:test';
import { AttemptResult } from '../../src/balancer/attempt-result.ts';
import type { Endpoint } from '../../src/balancer/endpoint.ts';
import { DEFAULT_ROUTE_POLICY } from '../../src/model/route-policy.ts';
import { AwaitedState } from '../support/awaited-state.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { canaryConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

let upstream: ScriptedUpstream;
let proxy: InProcessProxy;
const logged = new AwaitedState();
/** What the upstreams were told about their endpoints. */
const recorded: AttemptResult[] = [];

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'), { headOnly: true });
  proxy = new InProcessProxy({}, () => logged.report());
  const policy = { ...DEFAULT_ROUTE_POLICY, retryAttempts: 1 };
  await proxy.apply({
    upstreams: [upstreamConfig('a', upstream.address), upstreamConfig('empty'), upstreamConfig('b', upstream.address)],
    routes: [
      routeConfig('main', 'a', { policy }),
      routeConfig('empty', 'empty', { path: { kind: 'prefix', value: '/empty' }, policy }),
      routeConfig('closed', 'a', {
        path: { kind: 'prefix', value: '/closed' },
        policy: { ...policy, closed: { status: 503, reason: 'unsafe' } },
      }),
      routeConfig('split', 'a', {
        path: { kind: 'prefix', value: '/split' },
        policy,
        split: {
          members: [{ upstream: 'a', weight: 1, filters: [] }],
          canaries: [canaryConfig('b', { header: { name: 'x-canary', kind: 'word', value: '' } })],
        },
      }),
    ],
  });
  for (const each of proxy.live.upstreams.all()) {
    const record: typeof each.record = (_endpoint, result, latencyMs, _nowMs, durationMs) => {
      assert.ok(latencyMs >= 0 && (durationMs ?? -1) >= latencyMs, `${latencyMs} of ${durationMs}`);
      recorded.push(result);
    };
    mock.method(each, 'record', record);
  }
});

after(async () => {
  await proxy.close();
  await upstream.close();
});

beforeEach(() => {
  upstream.forget();
  upstream.script = ({ connection }) => {
    connection.socket.end(ok('fine', 'Connection: close'));
    return null;
  };
  proxy.accessLog.length = 0;
  recorded.length = 0;
});

function endpoints(): readonly Endpoint[] {
  return [...proxy.live.upstreams.all()].flatMap((each) => each.endpoints);
}

afterEach(() => {
  assert.equal(proxy.accessLog.length, 1, JSON.stringify(proxy.accessLog));
  assert.equal(proxy.worker.activeRequests, 0);
  const [entry] = proxy.accessLog;
  assert.equal(recorded.length, (entry?.attempts ?? 0) + (entry?.status === 101 ? 1 : 0), String(recorded));
  assert.deepEqual(
    endpoints().map(({ inFlight }) => inFlight),
    endpoints().map(() => 0),
  );
});

interface Expected {
  readonly status: number;
  readonly outcome: string;
  readonly routeId: string;
  /** Index of the status class that grew; -1 = none. */
  readonly statusClass: number;
}

async function expectOne(
  routeId: string,
  expected: Omit<Expected, 'routeId'>,
  run: () => Promise<unknown>,
): Promise<void> {
  const stats = proxy.live.routeStats.get(routeId);
  const counted = [...(stats?.statusClasses ?? [])];
  await run();
  const entry = await logged.until(() => proxy.accessLog[0]);
  assert.deepEqual([entry.status, entry.outcome, entry.routeId], [expected.status, expected.outcome, routeId]);
  const grown = [...(stats?.statusClasses ?? [])].map((count, index) => count - (counted[index] ?? 0));
  assert.deepEqual(
    grown,
    grown.map((_, index) => (index === expected.statusClass ? 1 : 0)),
  );
}

async function answered(text: string): Promise<RawClient> {
  const client = await RawClient.connect(proxy.port);
  client.write(text);
  await client.response();
  client.destroy();
  return client;
}

function get(path: string, ...fields: readonly string[]): string {
  return `GET ${path} HTTP/1.1\r\n${['Host: a.example', ...fields].join('\r\n')}\r\n\r\n`;
}

test('an ordinary answer', () =>
  expectOne('main', { status: 200, outcome: 'ok', statusClass: 1 }, () => answered(get('/'))));

test('an answer of the canary', async () => {
  await expectOne('split', { status: 200, outcome: 'ok', statusClass: 1 }, () =>
    answered(get('/split', 'X-Canary: always')),
  );
  const entry = proxy.accessLog[0];
  assert.deepEqual([entry?.upstreamId, entry?.canary, entry?.endpointId], ['b', true, upstream.address]);
  assert.deepEqual(
    proxy.live.routeStats
      .get('split')
      ?.toRow()
      .split.map(({ upstreamId, requests }) => [upstreamId, requests]),
    [
      ['a', 0],
      ['b', 1],
    ],
  );
});

test('an error of the back end', () => {
  upstream.script = ({ connection }) => {
    connection.socket.end('HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n');
    return null;
  };
  return expectOne('main', { status: 500, outcome: 'ok', statusClass: 4 }, () => answered(get('/')));
});

test('an upstream without endpoints', () =>
  expectOne('empty', { status: 503, outcome: 'no-endpoint', statusClass: 4 }, () => answered(get('/empty'))));

test('a route that must not be served', () =>
  expectOne('closed', { status: 503, outcome: 'route-closed', statusClass: 4 }, () => answered(get('/closed'))));

test('an answer that cannot be understood', () => {
  upstream.script = () => 'nonsense\r\n\r\n';
  return expectOne('main', { status: 502, outcome: 'upstream-invalid-response', statusClass: 4 }, () =>
    answered(get('/')),
  );
});

test('a back end that closes without an answer', () => {
  upstream.script = ({ connection }) => {
    connection.socket.end();
    return null;
  };
  return expectOne('main', { status: 502, outcome: 'upstream-closed', statusClass: 4 }, () => answered(get('/')));
});

test('a response that is cut short', () => {
  upstream.script = ({ connection }) => {
    connection.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    return null;
  };
  return expectOne('main', { status: 200, outcome: 'upstream-truncated', statusClass: 1 }, async () => {
    const client = await RawClient.connect(proxy.port);
    client.write(get('/'));
    await client.remainder();
  });
});

test('a client that goes before the answer', async () => {
  upstream.script = () => null;
  const aborts = proxy.live.routeStats.get('main')?.clientAborts ?? 0;
  await expectOne('main', { status: 499, outcome: 'client-aborted', statusClass: -1 }, async () => {
    const client = await RawClient.connect(proxy.port);
    client.write(get('/'));
    await upstream.request();
    client.destroy();
  });
  assert.equal(proxy.live.routeStats.get('main')?.clientAborts, aborts + 1);
});

test('a client that goes in the middle of the answer', () => {
  upstream.script = () => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf';
  return expectOne('main', { status: 200, outcome: 'client-aborted', statusClass: 1 }, async () => {
    const client = await RawClient.connect(proxy.port);
    client.write(get('/'));
    await client.bytes((received) => received.includes('half'));
    client.destroy();
  });
});

test('a body that breaks the coding', () => {
  upstream.script = () => null;
  return expectOne('main', { status: 400, outcome: 'client-invalid-body', statusClass: 3 }, () =>
    answered('POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\nxyz'),
  );
});

test('a tunnel, whoever ends it', () => {
  upstream.script = () => SWITCH;
  return expectOne('main', { status: 101, outcome: 'ok', statusClass: 0 }, async () => {
    const client = await RawClient.connect(proxy.port);
    client.write(get('/', 'Connection: upgrade', 'Upgrade: echo'));
    assert.equal(await client.status(), 101);
    client.write('some bytes');
    const { connection } = await upstream.request();
    await upstream.until(() => (connection.received.includes('some bytes') ? true : undefined));
    connection.socket.resetAndDestroy();
    await client.remainder();
  });
});

test('a request nobody serves', async () => {
  await answered('GET http://a.example/\x00 HTTP/1.1\r\n\r\n');
  const entry = await logged.until(() => proxy.accessLog[0]);
  assert.deepEqual([entry.status, entry.routeId, entry.target], [400, '', '']);
});
