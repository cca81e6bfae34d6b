/** When a request is sent again, and when it must not be. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { closedPort } from '../support/closed-port.ts';
import { RawClient } from '../support/raw-client.ts';
import { statusOf } from '../support/raw-message.ts';
import { ok, type Script, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

/** Cuts every connection at its second request, as a back end does that has just given up idle connections. */
const cutReused: Script = ({ turn, connection, target }) => {
  if (turn === 1) return ok(target);
  connection.socket.resetAndDestroy();
  return null;
};

before(async () => {
  upstream = await ScriptedUpstream.start(cutReused);
  const dead = `127.0.0.1:${await closedPort()}`;
  const deadToo = `127.0.0.1:${await closedPort()}`;
  sluice = await SluiceProcess.start({
    config: {
      upstreams: {
        live: { endpoints: [{ address: upstream.address }] },
        half: { endpoints: [{ address: dead }, { address: upstream.address }] },
        dead: { endpoints: [{ address: dead }, { address: deadToo }] },
        empty: { endpoints: [] },
        lastLives: {
          endpoints: [
            { address: dead, weight: 10 },
            { address: deadToo, weight: 10 },
            { address: upstream.address, weight: 1 },
          ],
        },
      },
      routes: [
        { path: { prefix: '/live' }, upstream: 'live' },
        { path: { prefix: '/half' }, upstream: 'half' },
        { path: { prefix: '/dead' }, upstream: 'dead' },
        { path: { prefix: '/empty' }, upstream: 'empty' },
        { path: { prefix: '/last' }, upstream: 'lastLives', retries: { attempts: 3 } },
        { path: { prefix: '/once' }, upstream: 'live', retries: { attempts: 1 } },
        { path: { prefix: '/late' }, upstream: 'live', retries: { attempts: 1 }, timeouts: { response: '300ms' } },
      ],
    },
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => {
  upstream.forget();
  upstream.script = cutReused;
});

async function send(text: string): Promise<number> {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(text);
  const status = statusOf(await client.response());
  client.destroy();
  return status;
}

function request(method: string, target: string, framing = ''): string {
  return `${method} ${target} HTTP/1.1\r\nHost: a.example\r\n${framing}\r\n`;
}

/** Leaves `count` idle connections in the pool, each of which has served one request. */
async function fillPool(count: number): Promise<void> {
  upstream.script = () => null;
  upstream.forget();
  const clients: RawClient[] = [];
  for (let i = 0; i < count; i++) {
    const client = await RawClient.connect(sluice.httpPort);
    client.write(request('GET', '/live/fill'));
    clients.push(client);
  }
  await upstream.request(count);
  for (const { connection } of upstream.requests) connection.write(ok('filled'));
  for (const client of clients) {
    assert.equal(await client.status(), 200);
    client.destroy();
  }
  for (const { connection } of upstream.requests) connection.turns = 1;
  upstream.script = cutReused;
  upstream.forget();
}

/** Whatever earlier tests left in the pool is used up. */
async function emptyPool(): Promise<void> {
  upstream.script = ({ connection }) => {
    connection.socket.end(ok('gone', 'Connection: close'));
    return null;
  };
  const open = upstream.connections.filter(({ closed }) => !closed).length;
  for (let i = 0; i < open; i++) await send(request('GET', '/live/drain'));
  upstream.forget();
}

test('an endpoint that refuses connections costs no request, whatever its method', async () => {
  upstream.script = ({ target }) => ok(target);
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE']) {
    for (let i = 0; i < 4; i++) assert.equal(await send(request(method, '/half')), 200);
  }
  assert.equal(upstream.requests.length, 16);
});

test('a body that came along is sent whole after a refused connection', async () => {
  upstream.script = ({ body }) => ok(body.toString());
  const large = 'x'.repeat(100_000);
  for (const body of ['small', large]) {
    for (let i = 0; i < 4; i++) {
      assert.equal(await send(`${request('POST', '/half', `Content-Length: ${body.length}\r\n`)}${body}`), 200);
    }
  }
  assert.equal(upstream.requests.length, 8);
  for (const { body } of upstream.requests) assert.ok(body.length === 5 || body.toString() === large);
});

test('when no endpoint accepts connections, the answer is 502', async () => {
  assert.equal(await send(request('GET', '/dead')), 502);
  assert.equal(await send(request('POST', '/dead', 'Content-Length: 4\r\n\r\nbody')), 502);
});

test('an upstream without endpoints is 503', async () => {
  assert.equal(await send(request('GET', '/empty')), 503);
});

test('a GET on a connection that has gone stale is sent again', async () => {
  await emptyPool();
  await fillPool(1);
  assert.equal(await send(request('GET', '/live/stale')), 200);
  assert.deepEqual(
    upstream.requests.map(({ turn }) => turn),
    [2, 1],
  );
});

test('a GET survives a pool full of stale connections: the second try takes a new one', async () => {
  await emptyPool();
  await fillPool(8);
  assert.equal(await send(request('GET', '/live/stale')), 200);
  assert.deepEqual(
    upstream.requests.map(({ turn }) => turn),
    [2, 1],
  );
});

test('the second try on a stale connection is free: one allowed attempt is enough', async () => {
  await emptyPool();
  await fillPool(1);
  assert.equal(await send(request('GET', '/once')), 200);
});

test('a POST is never sent twice once a byte of it went out', async () => {
  await emptyPool();
  await fillPool(1);
  assert.equal(await send(`${request('POST', '/live/post', 'Content-Length: 4\r\n')}body`), 502);
  assert.deepEqual(
    upstream.requests.map(({ method }) => method),
    ['POST'],
  );
});

test('a PUT whose body has streamed through is not sent twice', async () => {
  await emptyPool();
  upstream.script = ({ connection }) => {
    connection.socket.resetAndDestroy();
    return null;
  };
  const body = 'x'.repeat(100_000);
  const client = await RawClient.connect(sluice.httpPort);
  client.write(request('PUT', '/live/put', `Content-Length: ${body.length}\r\n`));
  client.write(body);
  assert.equal(await client.status(), 502);
  client.destroy();
  assert.equal(upstream.requests.length, 1);
});

test('a GET that is never answered fails with 504', async () => {
  upstream.script = () => null;
  assert.equal(await send(request('GET', '/late')), 504);
  assert.equal(upstream.requests.length, 1);
  await upstream.untilClosed((await upstream.request()).connection);
});

test('nothing is sent again after a byte of the response went to the client', async () => {
  await emptyPool();
  upstream.script = ({ connection }) => {
    connection.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    return null;
  };
  const client = await RawClient.connect(sluice.httpPort);
  client.write(request('GET', '/live/half'));
  assert.equal((await client.remainder()).ending, 'reset');
  assert.equal(upstream.requests.length, 1);
});

test('a retry goes to an endpoint that has not failed this request yet', async () => {
  upstream.script = ({ target }) => ok(target, 'Connection: close');
  const statuses: number[] = [];
  for (let i = 0; i < 10; i++) statuses.push(await send(request('POST', '/last', 'Content-Length: 0\r\n')));
  assert.deepEqual(statuses, Array<number>(10).fill(200));
});
