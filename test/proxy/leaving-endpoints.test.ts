/** Endpoints that drain or are removed: what is under way there ends as it began, and connections close when they are idle. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { EndpointAddress } from '../../src/model/proxy-config.ts';
import { Http2Upstream } from '../support/http2-upstream.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const OFFER = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

type Change = 'drains' | 'is removed';

/** `leaving` is the first endpoint until `leave`, `staying` the only other one. */
interface Rig {
  readonly proxy: InProcessProxy;
  readonly staying: ScriptedUpstream;
  readonly client: RawClient;
  readonly leave: (change: Change) => void;
}

async function startRig(t: TestContext, leaving: string, protocol: 'http1' | 'http2'): Promise<Rig> {
  const staying = await ScriptedUpstream.start(() => ok('staying'));
  const proxy = new InProcessProxy({});
  const config = { ...upstreamConfig('shop', leaving), protocol };
  const [first] = config.endpoints;
  assert.ok(first !== undefined);
  const [second] = upstreamConfig('', staying.address).endpoints as readonly [EndpointAddress];
  await proxy.apply({ upstreams: [config], routes: [routeConfig('all', 'shop')] });
  const client = await RawClient.connect(proxy.port);
  t.after(async () => {
    client.destroy();
    await proxy.close();
    await staying.close();
  });
  const leave = (change: Change): void => {
    const endpoints: EndpointAddress[] = change === 'drains' ? [{ ...first, draining: true }, second] : [second];
    proxy.live.upstreams.applyEndpoints({ upstreamId: 'shop', endpoints });
  };
  return { proxy, staying, client, leave };
}

async function startHttp1(t: TestContext): Promise<Rig & { readonly leaving: ScriptedUpstream }> {
  const leaving = await ScriptedUpstream.start(() => ok('leaving'), { headOnly: true });
  t.after(() => leaving.close());
  return { ...(await startRig(t, leaving.address, 'http1')), leaving };
}

async function body(client: RawClient): Promise<string> {
  client.write(GET);
  return (await client.response()).body.toString();
}

for (const change of ['drains', 'is removed'] as const) {
  test(`an idle connection closes at once when its endpoint ${change}`, async (t) => {
    const { client, leaving, leave } = await startHttp1(t);
    assert.equal(await body(client), 'leaving');
    leave(change);
    await leaving.untilClosed((await leaving.request()).connection);
    assert.equal(await body(client), 'staying');
  });

  test(`a request under way ends as it began when its endpoint ${change}, and its connection is closed then`, async (t) => {
    const { client, leaving, leave } = await startHttp1(t);
    leaving.script = () => null;
    client.write(GET);
    const { connection } = await leaving.request();
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla');
    leave(change);
    connection.write('te');
    assert.equal((await client.response()).body.toString(), 'late');
    await leaving.untilClosed(connection);
    assert.equal(await body(client), 'staying');
  });

  test(`a switched connection lives on when its endpoint ${change}`, async (t) => {
    const { client, leaving, leave } = await startHttp1(t);
    leaving.script = () => SWITCH;
    client.write(OFFER);
    assert.equal(await client.status(), 101);
    const { connection } = await leaving.request();
    leave(change);
    client.write('ping');
    await leaving.until(() => (connection.received.toString().endsWith('ping') ? true : undefined));
    connection.socket.end('pong');
    assert.equal((await client.remainder()).text, 'pong');
  });

  test(`streams of HTTP/2 end as they began when their endpoint ${change}, and their connection is closed then`, async (t) => {
    const leaving = await Http2Upstream.start(() => undefined);
    t.after(() => leaving.close());
    const { client, leave } = await startRig(t, leaving.address, 'http2');
    client.write(GET);
    const request = await leaving.request();
    leave(change);
    request.answer('late');
    assert.equal((await client.response()).body.toString(), 'late');
    await leaving.until(() => (leaving.sessions[0]?.closed === true ? true : undefined));
  });
}

test('what a session still sends to a draining endpoint does not keep connections there', async (t) => {
  const { proxy, client, leaving, leave } = await startHttp1(t);
  const upstream = proxy.live.upstreams.get('shop');
  const [endpoint] = upstream?.endpoints ?? [];
  assert.ok(upstream !== null && endpoint !== undefined);
  leave('drains');
  t.mock.method(upstream, 'pick', () => endpoint);
  assert.equal(await body(client), 'leaving');
  await leaving.untilClosed((await leaving.request()).connection);
  assert.equal(await body(client), 'leaving');
  assert.notEqual((await leaving.request(2)).connection, (await leaving.request(1)).connection);
  assert.equal(endpoint.transport?.idleCount, 0);
});
