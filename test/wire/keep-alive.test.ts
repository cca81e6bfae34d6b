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

test('requests at the same time never share a connection to a back end', async () => {
  upstream.script = () => null;
  const clients = await Promise.all(Array.from({ length: 8 }, () => RawClient.connect(sluice.httpPort)));
  for (const [index, client] of clients.entries()) client.write(get(`/${index}`));
  await upstream.request(clients.length);
  assert.equal(new Set(upstream.requests.map(({ connection }) => connection)).size, clients.length);
  for (const { connection, target } of upstream.requests) connection.write(ok(target));
  for (const [index, client] of clients.entries()) {
    assert.equal((await client.response()).body.toString(), `/${index}`);
    client.destroy();
  }
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

test('a request without framing has no body, whatever its method: the next byte is the next request', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'BREW']) {
    client.write(`${method} /1 HTTP/1.1\r\nHost: a.example\r\n\r\n${get('/2')}`);
    assert.equal((await client.response()).body.toString(), `${method} /1`);
    assert.equal((await client.response()).body.toString(), 'GET /2');
  }
  client.destroy();
});

test('while an answer is awaited, only so much of what is sent behind its request is read', async () => {
  const sent = 64 * 1_048_576;
  upstream.script = (request) => (request.target === '/slow' ? null : echoTarget(request));
  const client = await RawClient.connect(sluice.httpPort);
  client.write(get('/slow'));
  const slow = await upstream.request();
  client.write(get('/next'));
  client.write(Buffer.alloc(sent, 'x'));
  for (let i = 0; i < 200; i++) {
    const other = await RawClient.connect(sluice.httpPort);
    other.write(get('/other'));
    assert.equal(await other.status(), 200);
    other.destroy();
  }
  assert.ok(client.socket.writableLength > sent / 2, `${client.socket.writableLength} bytes are still to be read`);
  slow.connection.write(ok('at last'));
  assert.equal((await client.response()).body.toString(), 'at last');
  assert.equal((await client.response()).body.toString(), 'GET /next');
  assert.equal(await client.status(), 414);
  client.reset();
});

test('requests that come byte by byte behind an unanswered one are answered in order', async () => {
  upstream.script = (request) => (request.target === '/slow' ? null : echoTarget(request));
  const client = await RawClient.connect(sluice.httpPort);
  client.write(get('/slow'));
  const slow = await upstream.request();
  for (const byte of get('/1') + get('/2') + get('/3')) {
    await new Promise((resolve) => {
      client.socket.write(byte, resolve);
    });
  }
  slow.connection.write(ok('at last'));
  const bodies: string[] = [];
  for (let i = 0; i < 4; i++) bodies.push((await client.response()).body.toString());
  assert.deepEqual(bodies, ['at last', 'GET /1', 'GET /2', 'GET /3']);
  client.destroy();
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

test('every answer says HTTP/1.1, whatever the back end and the client speak', async () => {
  for (const answer of ['HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx', ok('x')]) {
    for (const version of ['HTTP/1.0', 'HTTP/1.1']) {
      upstream.script = () => answer;
      const client = await RawClient.connect(sluice.httpPort);
      client.write(`GET / ${version}\r\nHost: a.example\r\nConnection: close\r\n\r\n`);
      assert.match((await client.response()).startLine, /^HTTP\/1\.1 200 /);
      client.destroy();
    }
  }
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET / HTTP/1.0\r\nHost: unknown.example\r\n\r\n');
  assert.equal((await client.response()).startLine, 'HTTP/1.1 404 Not Found');
  client.destroy();
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

test('an HTTP/1.0 back end that says keep-alive is asked again on that connection', async () => {
  upstream.script = () => 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx';
  const client = await RawClient.connect(sluice.httpPort);
  client.write(get('/1'));
  assert.equal((await client.response()).body.toString(), 'x');
  client.write(get('/2'));
  assert.equal((await client.response()).body.toString(), 'x');
  assert.equal((await upstream.request(1)).connection, (await upstream.request(2)).connection);
  client.destroy();
});

test('an answer to HEAD without a length ends with its head, and both connections go on', async () => {
  upstream.script = (request) => (request.method === 'HEAD' ? 'HTTP/1.1 200 OK\r\n\r\n' : echoTarget(request));
  const client = await RawClient.connect(sluice.httpPort);
  client.write('HEAD /1 HTTP/1.1\r\nHost: a.example\r\n\r\n');
  const head = await client.response(true);
  assert.equal(fieldOf(head, 'Content-Length'), null);
  assert.equal(fieldOf(head, 'Transfer-Encoding'), null);
  client.write(get('/2'));
  assert.equal((await client.response()).body.toString(), 'GET /2');
  assert.equal((await upstream.request(1)).connection, (await upstream.request(2)).connection);
  client.destroy();
});

test('what we answer to HEAD ourselves has the length of a body and no body', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('HEAD / HTTP/1.1\r\nHost: unknown.example\r\n\r\n');
  const head = await client.response(true);
  assert.equal(statusOf(head), 404);
  client.write(get('/', 'unknown.example'));
  assert.equal(fieldOf(head, 'Content-Length'), String((await client.response()).body.length));
  client.destroy();
});

for (const credentials of ['NTLM TlRMTVNTUAAB', 'Negotiate YIIB', 'negotiate YIIB']) {
  test(`a connection that carried "${credentials}" serves no other request`, async () => {
    const client = await RawClient.connect(sluice.httpPort);
    client.write(`GET /mine HTTP/1.1\r\nHost: a.example\r\nAuthorization: ${credentials}\r\n\r\n`);
    assert.equal((await client.response()).body.toString(), 'GET /mine');
    const request = await upstream.request();
    const { connection } = request;
    assert.equal(request.field('Authorization'), credentials);
    await upstream.untilClosed(connection);
    client.write(get('/other'));
    assert.equal((await client.response()).body.toString(), 'GET /other');
    assert.notEqual((await upstream.request(2)).connection, connection);
    client.destroy();
  });
}

test('a connection that carried credentials of a request is used again', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET /1 HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer x\r\n\r\n');
  assert.equal(await client.status(), 200);
  client.write(get('/2'));
  assert.equal(await client.status(), 200);
  assert.equal((await upstream.request(1)).connection, (await upstream.request(2)).connection);
  client.destroy();
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
