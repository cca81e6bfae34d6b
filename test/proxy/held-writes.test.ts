/** Between the choice of a connection and the end of the turn nothing is on its way yet: what may happen meanwhile. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { TurnEndListener } from '../../src/proxy/turn-end.ts';
import { AwaitedState } from '../support/awaited-state.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';

const POST = 'POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbody';
const NO_ROUTE = 'GET / HTTP/1.1\r\nHost: b.example\r\n\r\n';
const CHUNKED = 'POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n';

/** A turn that lasts until the test ends it. */
class LongTurn {
  readonly #proxy: InProcessProxy;
  readonly #listeners: TurnEndListener[];
  readonly #state: AwaitedState;
  #added: number;

  constructor(proxy: InProcessProxy) {
    this.#proxy = proxy;
    this.#listeners = [];
    this.#state = new AwaitedState();
    this.#added = 0;
    proxy.worker.heldWrites.add = (listener) => {
      this.#listeners.push(listener);
      this.#added++;
      this.#state.report();
    };
  }

  /** Resolves when as many writes have been held. */
  async held(count: number): Promise<void> {
    await this.#state.until(() => (this.#added >= count ? true : undefined));
  }

  /** Turns are short again. */
  end(): void {
    // What the prototype has shows again.
    Reflect.deleteProperty(this.#proxy.worker.heldWrites, 'add');
    for (const listener of this.#listeners.splice(0)) listener.onTurnEnd();
  }
}

interface Rig {
  readonly proxy: InProcessProxy;
  readonly upstream: ScriptedUpstream;
  readonly client: RawClient;
}

async function startRig(t: TestContext): Promise<Rig> {
  const upstream = await ScriptedUpstream.start(({ connection }) =>
    ok(`by ${upstream.connections.indexOf(connection)}`),
  );
  const proxy = new InProcessProxy({});
  const routes = [routeConfig('all', 'shop', { host: 'a.example' })];
  await proxy.apply({ upstreams: [upstreamConfig('shop', upstream.address)], routes });
  const client = await RawClient.connect(proxy.port);
  t.after(async () => {
    client.destroy();
    await proxy.close();
    await upstream.close();
  });
  return { proxy, upstream, client };
}

async function answer(client: RawClient): Promise<string> {
  return (await client.response()).body.toString();
}

/** The second request of the client, on the connection that the first one has left. */
async function holdSecond({ proxy, client }: Rig): Promise<LongTurn> {
  client.write(POST);
  assert.equal(await answer(client), 'by 0');
  const turn = new LongTurn(proxy);
  client.write(POST);
  await turn.held(1);
  return turn;
}

const FAULTS: Readonly<Record<string, (upstream: ScriptedUpstream) => void>> = {
  'sends an answer nobody asked for': ({ connections: [first] }) => void first?.write(ok('forged')),
  'sends a single byte': ({ connections: [first] }) => void first?.write('\n'),
  'closes the connection': ({ connections: [first] }) => void first?.socket.end(),
  'resets the connection': (upstream) => upstream.resetAll(),
};

for (const [fault, act] of Object.entries(FAULTS)) {
  test(`a back end that ${fault} under a request that is held gets it on another connection, a POST as well`, async (t) => {
    const rig = await startRig(t);
    const { upstream, client } = rig;
    const turn = await holdSecond(rig);
    act(upstream);
    await turn.held(2);
    assert.equal(upstream.requests.length, 1);
    turn.end();
    assert.equal(await answer(client), 'by 1');
    assert.equal(upstream.requests.length, 2);
    assert.equal(upstream.requests[1]?.body.toString(), 'body');
  });
}

test('a client that goes while its request is held takes it along', async (t) => {
  const rig = await startRig(t);
  const { upstream, client } = rig;
  const turn = await holdSecond(rig);
  client.reset();
  const [first] = upstream.connections;
  assert.ok(first !== undefined);
  await upstream.untilClosed(first);
  turn.end();
  assert.equal(upstream.requests.length, 1);
});

test('what comes of a body while its head is held goes out behind it', async (t) => {
  const { proxy, upstream, client } = await startRig(t);
  const turn = new LongTurn(proxy);
  client.write(CHUNKED);
  await turn.held(1);
  client.write('3\r\nabc\r\n');
  client.write('2\r\nde\r\n0\r\n\r\n');
  // Both come before this one's answer, which is held.
  const other = await RawClient.connect(proxy.port);
  t.after(() => other.destroy());
  other.write(NO_ROUTE);
  await turn.held(2);
  assert.equal(upstream.requests.length, 0);
  turn.end();
  assert.equal(await answer(client), 'by 0');
  assert.equal(upstream.requests[0]?.body.toString(), 'abcde');
  assert.equal(await other.status(), 404);
});

test('an answer that is held still reaches a client that has said its last word', async (t) => {
  const { proxy, client } = await startRig(t);
  const turn = new LongTurn(proxy);
  client.write(NO_ROUTE);
  await turn.held(1);
  client.socket.end();
  assert.equal(await client.status(), 404);
  assert.deepEqual(await client.remainder(), { text: '', ending: 'end' });
  turn.end();
});

test('an answer that is held still reaches a client when the worker drains', async (t) => {
  const { proxy, client } = await startRig(t);
  const turn = new LongTurn(proxy);
  client.write(NO_ROUTE);
  await turn.held(1);
  const drained = proxy.server.drain(10_000);
  assert.equal(await client.status(), 404);
  client.socket.end();
  await drained;
  turn.end();
});

test('many answers of one turn do not wait for its end', async (t) => {
  const { proxy, client } = await startRig(t);
  const turn = new LongTurn(proxy);
  client.write(NO_ROUTE.repeat(200));
  const statuses = await client.statuses(150);
  assert.ok(statuses.every((status) => status === 404));
  turn.end();
  assert.equal((await client.statuses(50)).length, 50);
});
