/** Life of client connections: persistence, pipelining in order, answers to bad requests behind good ones. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf, statusOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream, type UpstreamRequest } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

const echoTarget = (request: UpstreamRequest): string => ok(`${request.method} ${request.target}`);

before(async () => {
  upstream = await ScriptedUpstream.start(echoTarget);
  sluice = await SluiceProcess.start({
    config: {
      upstreams: { a: { endpoints: [{ address: upstream.address }] } },
      routes: [{ host: 'a.example', upstream: 'a' }],
    },
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => {
  upstream.forget();
  upstream.script = echoTarget;
});

function get(target: string, host = 'a.example'): string {
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
}

test('requests one after the other share one connection on both sides', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  for (const target of ['/1', '/2', '/3']) {
    client.write(get(target));
    assert.equal((await client.response()).body.toString(), `GET ${target}`);
  }
  assert.deepEqual(
    upstream.requests.map(({ turn, connection }) => [turn, connection === upstream.requests[0]?.connection]),
    [
      [upstream.requests[0]?.turn, true],
      [(upstream.requests[0]?.turn ?? 0) + 1, true],
      [(upstream.requests[0]?.turn ?? 0) + 2, true],
    ],
  );
  client.destroy();
});

test('pipelined requests are answered in order, local answers among them', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(
    get('/1') +
      get('/nowhere', 'unknown.example') +
      get('/2') +
      'OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n' +
      'POST /3 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbody' +
      'POST /4 HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n' +
      get('/5'),
  );
  const answers: string[] = [];
  for (let i = 0; i < 7; i++) {
    const response = await client.response();
    answers.push(statusOf(response) === 200 ? response.body.toString() : String(statusOf(response)));
  }
  assert.deepEqual(answers, ['GET /1', '404', 'GET /2', '204', 'POST /3', 'POST /4', 'GET /5']);
  client.destroy();
});

test('pipelined requests are answered in order whatever the segments they come in', async () => {
  const bytes =
    get('/1') + get('/2') + 'POST /3 HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbody' + get('/4');
  const client = await RawClient.connect(sluice.httpPort);
  for (const byte of bytes) {
    await new Promise((resolve) => {
      client.socket.write(byte, resolve);
    });
  }
  const bodies: string[] = [];
  for (let i = 0; i < 4; i++) bodies.push((await client.response()).body.toString());
  assert.deepEqual(bodies, ['GET /1', 'GET /2', 'POST /3', 'GET /4']);
  client.destroy();
});

test('a slow first answer holds back the answers behind it', async () => {
  upstream.script = (request) => (request.target === '/slow' ? null : echoTarget(request));
  const client = await RawClient.connect(sluice.httpPort);
  client.write(get('/slow') + get('/x', 'unknown.example'));
  const slow = await upstream.request();
  assert.equal(client.receivedBytes, 0);
  slow.connection.write(ok('at last'));
  assert.equal((await client.response()).body.toString(), 'at last');
  assert.equal(await client.status(), 404);
  client.destroy();
});

test('good requests before a bad one are answered first, then 400 and the end', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`${get('/1')}${get('/2')}BAD\r\n\r\n${get('/never')}`);
  assert.deepEqual(await client.statuses(3), [200, 200, 400]);
  assert.deepEqual(await client.remainder(), { text: '', ending: 'end' });
  assert.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/1', '/2'],
  );
});

test('two thousand pipelined requests are all answered', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  let bytes = '';
  for (let i = 0; i < 2_000; i++) bytes += get(`/${i}`);
  client.write(bytes);
  for (let i = 0; i < 2_000; i++) assert.equal((await client.response()).body.toString(), `GET /${i}`);
  client.destroy();
});

test('the last answer before a close says so', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
  assert.equal(fieldOf(await client.response(), 'Connection'), 'close');
  assert.equal((await client.remainder()).ending, 'end');
});

test('HTTP/1.0 closes unless it asks to stay, and is then told so', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET /1 HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n');
  assert.equal(fieldOf(await client.response(), 'Connection'), 'keep-alive');
  client.write('GET /2 HTTP/1.0\r\nHost: a.example\r\n\r\n');
  assert.equal(fieldOf(await client.response(), 'Connection'), 'close');
  assert.equal((await client.remainder()).ending, 'end');
});

test('up to two empty lines before a request are skipped, a third is refused', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`\r\n\r\n${get('/1')}`);
  assert.equal(await client.status(), 200);
  client.write(`\r\n\r\n\r\n${get('/2')}`);
  assert.equal(await client.status(), 400);
  assert.equal((await client.remainder()).ending, 'end');
});

test('a back end that says close, or speaks HTTP/1.0, is not asked again on that connection', async () => {
  const answers = [ok('x', 'Connection: close'), 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx'];
  for (const answer of answers) {
    upstream.forget();
    upstream.script = () => answer;
    const client = await RawClient.connect(sluice.httpPort);
    client.write(get('/1'));
    assert.equal((await client.response()).body.toString(), 'x');
    client.write(get('/2'));
    assert.equal((await client.response()).body.toString(), 'x');
    assert.notEqual((await upstream.request(1)).connection, (await upstream.request(2)).connection);
    client.destroy();
  }
});

test('a TLS greeting on the clear port is refused at once', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(Buffer.from('160301020001000001fc0303', 'hex'));
  assert.equal(await client.status(), 400);
  assert.equal((await client.remainder()).ending, 'end');
});

test('a connection that has begun with HTTP/1.1 does not change to HTTP/2', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`${get('/')}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`);
  assert.deepEqual(await client.statuses(2), [200, 505]);
  assert.equal((await client.remainder()).ending, 'end');
});

test('a client that floods requests and never reads does not fill the memory', async () => {
  const body = 'x'.repeat(60_000);
  upstream.script = () => ok(body);
  const client = await RawClient.connect(sluice.httpPort);
  client.socket.pause();
  client.write(get('/').repeat(4_000));
  await upstream.request(20);
  const other = await RawClient.connect(sluice.httpPort);
  for (let i = 0; i < 500; i++) {
    other.write(get('/other'));
    await other.response();
  }
  const flooded = upstream.requests.filter(({ target }) => target === '/').length;
  assert.ok(flooded < 400, `${flooded} requests were sent for a client that does not read`);
  client.destroy();
  other.destroy();
});
