/** Which HTTP/1.1 connections are kept between probes, for how long, and what happens when they are gone. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { before, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { CertificateAuthority, type TestCertificate } from '../support/certificate-authority.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { upstreamTls } from '../support/proxy-config.ts';
import { CountingEndpoint, OK, ProbeLoop } from './kept-rig.ts';

const ALL_FINE: readonly string[] = ['', '', ''];

let authority: CertificateAuthority;
let served: TestCertificate;

before(async () => {
  authority = await CertificateAuthority.make('authority');
  served = await authority.issue('shop.internal', '127.0.0.1');
});

test('the probes of a minute share a connection, and the last of them says so', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t);
  const loop = new ProbeLoop(t, endpoint.port);
  await loop.askTimes(25, 5_000);
  assert.deepEqual(endpoint.requests, [12, 12, 1]);
  const [first] = endpoint.connections;
  assert.deepEqual(
    first?.map((request) => request.includes('\r\nConnection: close\r\n')),
    [...Array.from({ length: 11 }, () => false), true],
  );
  assert.equal(loop.kept.count, 1);
  loop.probe.cancel();
  assert.equal(loop.kept.count, 0);
  await once(endpoint.lastSocket, 'close');
});

test('a connection is kept for a minute at most, and never for a probe that comes later than that', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t);
  const seldom = new ProbeLoop(t, endpoint.port, { intervalMs: 60_000 });
  await seldom.askTimes(2);
  assert.deepEqual(endpoint.requests, [1, 1]);
  const loop = new ProbeLoop(t, endpoint.port, { intervalMs: 25_000 });
  for (let atMs = 0; atMs <= 100_000; atMs += 25_000) {
    loop.clock.moveTo(atMs);
    await loop.ask();
  }
  assert.deepEqual(endpoint.requests.slice(2), [3, 2]);
});

test('beyond the connections that may be kept, each probe has its own', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t);
  const loop = new ProbeLoop(t, endpoint.port, {}, { maxKept: 0 });
  await loop.askTimes(3);
  assert.deepEqual(endpoint.requests, [1, 1, 1]);
  assert.match(endpoint.connections[0]?.[0] ?? '', /\r\nConnection: close\r\n/);
});

test('more are kept with files that others can spare, until these want them back', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t);
  const lent: number[] = [];
  const lender = { max: 1, isWanted: false, lend: (files: number): void => void lent.push(files) };
  const loop = new ProbeLoop(t, endpoint.port, {}, { maxKept: 0, lender });
  await loop.askTimes(3);
  assert.deepEqual(endpoint.requests, [3]);
  assert.deepEqual(lent, [1]);
  assert.equal(loop.kept.reserve(), 'none', 'no more than may be borrowed');
  lender.isWanted = true;
  await loop.askTimes(3);
  assert.deepEqual(endpoint.requests, [4, 1, 1]);
  assert.deepEqual(lent, [1, 0]);
  lender.isWanted = false;
  await loop.askTimes(2);
  assert.deepEqual(endpoint.requests, [4, 1, 1, 2]);
});

test('what is set aside is not given back', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t);
  const lender = { max: 1, isWanted: true, lend: (): void => assert.fail('nothing is borrowed') };
  const loop = new ProbeLoop(t, endpoint.port, {}, { maxKept: 1, lender });
  await loop.askTimes(3);
  assert.deepEqual(endpoint.requests, [3]);
});

interface Framing {
  readonly name: string;
  readonly raw: string;
  readonly isKept: boolean;
  readonly closes?: boolean;
}

const framings: readonly Framing[] = [
  { name: 'chunks', raw: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', isKept: true },
  { name: 'no body', raw: 'HTTP/1.1 204 No Content\r\n\r\n', isKept: true },
  {
    name: 'an interim response before it',
    raw: `HTTP/1.1 103 Early Hints\r\n\r\n${OK}`,
    isKept: true,
  },
  {
    name: 'patience beyond the interval',
    raw: 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=6\r\nContent-Length: 0\r\n\r\n',
    isKept: true,
  },
  {
    name: 'less patience than the interval',
    raw: 'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n',
    isKept: false,
  },
  {
    name: '`Connection: close`',
    raw: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
    isKept: false,
  },
  { name: 'HTTP/1.0', raw: 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n', isKept: false },
  { name: 'bytes behind its body', raw: `${OK}HTTP`, isKept: false },
  {
    name: 'bytes behind its chunks',
    raw: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx',
    isKept: false,
  },
  { name: 'a body that it should not have', raw: 'HTTP/1.1 204 No Content\r\n\r\nx', isKept: false },
  { name: 'a body until the end', raw: 'HTTP/1.1 200 OK\r\n\r\nok', isKept: false, closes: true },
];

for (const c of framings) {
  test(`after an answer with ${c.name} the connection is ${c.isKept ? '' : 'not '}kept`, async (t: TestContext) => {
    const endpoint = await CountingEndpoint.start(t);
    endpoint.script = (socket) => (c.closes === true ? socket.end(c.raw) : socket.write(c.raw));
    const loop = new ProbeLoop(t, endpoint.port);
    assert.deepEqual(await loop.askTimes(2), ['', '']);
    assert.deepEqual(endpoint.requests, c.isKept ? [2] : [1, 1]);
  });
}

test('a connection that the endpoint closes while it is idle is opened anew', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t);
  const loop = new ProbeLoop(t, endpoint.port);
  await loop.ask();
  endpoint.lastSocket.end();
  await eventuallyTrue(() => loop.kept.count === 0);
  assert.deepEqual(await loop.askTimes(2), ['', '']);
  assert.deepEqual(endpoint.requests, [1, 2]);
});

test('bytes that nobody asked for close an idle connection', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t);
  const loop = new ProbeLoop(t, endpoint.port);
  await loop.ask();
  endpoint.lastSocket.write(OK);
  await once(endpoint.lastSocket, 'close');
  assert.equal(loop.kept.count, 0);
  assert.equal(await loop.ask(), '');
  assert.deepEqual(endpoint.requests, [1, 1]);
});

for (const how of ['end', 'resetAndDestroy'] as const) {
  test(`a kept connection that fails before an answer is tried once more on a new one (${how})`, async (t: TestContext) => {
    const endpoint = await CountingEndpoint.start(t);
    endpoint.script = (socket, _connection, request) => (request === 2 ? socket[how]() : socket.write(OK));
    const loop = new ProbeLoop(t, endpoint.port);
    assert.deepEqual(await loop.askTimes(3), ALL_FINE);
    assert.deepEqual(endpoint.requests, [2, 2, 1]);
  });
}

test('the second try counts whatever it finds', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t);
  endpoint.script = (socket, connection) => (connection === 1 ? socket.write(OK) : socket.end());
  const loop = new ProbeLoop(t, endpoint.port);
  await loop.ask();
  endpoint.script = (socket) => socket.end();
  assert.equal(await loop.ask(), 'connection closed before the end of the response');
  assert.deepEqual(endpoint.requests, [2, 1]);
  assert.equal(await loop.ask(), 'connection closed before the end of the response');
  assert.deepEqual(endpoint.requests, [2, 1, 1], 'a new connection is not tried again');
});

test('part of an answer is not tried again', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t);
  const loop = new ProbeLoop(t, endpoint.port);
  await loop.ask();
  endpoint.script = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le');
  assert.equal(await loop.ask(), 'connection closed before the end of the response');
  assert.deepEqual(endpoint.requests, [2]);
});

test('after a failure, and after a probe that was given up, the connection is a new one', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t);
  const loop = new ProbeLoop(t, endpoint.port);
  endpoint.script = (socket) => socket.write('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n');
  assert.deepEqual(await loop.askTimes(2), ['status 503', 'status 503']);
  endpoint.script = (socket, _connection, request) => void (request === 1 && socket.write(OK));
  assert.equal(await loop.ask(), '');
  const asked = once(endpoint.lastSocket, 'data');
  void loop.ask();
  await asked;
  loop.probe.cancel();
  await once(endpoint.lastSocket, 'close');
  assert.equal(await loop.ask(), '');
  assert.deepEqual(endpoint.requests, [1, 1, 2, 1]);
});

test('connections over TLS, and those that begin with a PROXY header, are kept too', async (t: TestContext) => {
  const secure = await CountingEndpoint.start(t, { cert: served.certPem, key: served.keyPem });
  const overTls = new ProbeLoop(t, secure.port, {}, { tls: upstreamTls(authority.rootPem) });
  assert.deepEqual(await overTls.askTimes(3), ALL_FINE);
  assert.deepEqual(secure.requests, [3]);
  const plain = await CountingEndpoint.start(t);
  assert.deepEqual(await new ProbeLoop(t, plain.port, {}, { sendProxyProtocol: 'v2' }).askTimes(3), ALL_FINE);
  assert.deepEqual(plain.requests, [3]);
});

test('new connections resume the TLS session, until something fails or ten minutes are over', async (t: TestContext) => {
  const endpoint = await CountingEndpoint.start(t, { cert: served.certPem, key: served.keyPem });
  const loop = new ProbeLoop(t, endpoint.port, {}, { tls: upstreamTls(authority.rootPem) });
  const wasResumed = (): boolean => (endpoint.lastSocket as TLSSocket).isSessionReused();
  await loop.askTimes(13, 5_000);
  assert.deepEqual(endpoint.requests, [12, 1]);
  assert.equal(wasResumed(), true);
  endpoint.script = (socket) => socket.write('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n');
  assert.equal(await loop.ask(), 'status 503');
  endpoint.script = (socket) => socket.write(OK);
  await loop.ask();
  assert.equal(wasResumed(), false);
  const verifiedMs = loop.clock.nowMs();
  const askAfter = async (ms: number): Promise<boolean> => {
    loop.clock.moveTo(verifiedMs + ms);
    await loop.ask();
    return wasResumed();
  };
  assert.equal(await askAfter(59_000), false, 'the last one on its connection');
  assert.equal(await askAfter(540_000), true);
  assert.equal(await askAfter(599_000), true);
  assert.equal(await askAfter(600_000), false);
  assert.deepEqual(endpoint.requests.slice(2), [2, 2, 1]);
});
