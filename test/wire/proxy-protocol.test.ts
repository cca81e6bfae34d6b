/** PROXY protocol headers on real listeners: who may send them, who must, and that what stands behind them is untouched. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import net from 'node:net';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import tls from 'node:tls';
import type { ListenerConfig } from '../../src/model/proxy-config.ts';
import type { WorkerSettings } from '../../src/model/worker-messages.ts';
import { tlv, v2 } from '../proxy/proxy-protocol/headers.ts';
import { Http2Client } from '../support/http2-client.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { certificateConfig, listenerConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SHOP_CERT, SHOP_KEY } from '../watch/key-pair-fixtures.ts';

const CERTIFICATE = certificateConfig('c', { certPem: SHOP_CERT, keyPem: SHOP_KEY }, { isDefault: true });
const GET = 'GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n';
const V1 = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.10 4498 8443\r\n');
/** The same addresses, with a field nobody knows. */
const V2 = v2(0x21, 0x11, `c0000207c633640a119220fb${tlv(0xe0, '616263')}`);
const V2_IPV6 = v2(0x21, 0x21, `20010db80000000000000000000000010000000000000000000000000000000211920050`);

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
});

after(() => upstream.close());

beforeEach(() => upstream.forget());

const FROM_HERE: Partial<ListenerConfig> = { proxyProtocol: { trusted: ['127.0.0.0/8'] } };

async function start(
  t: TestContext,
  part: Partial<ListenerConfig> = FROM_HERE,
  settings: Partial<WorkerSettings> = {},
): Promise<InProcessProxy> {
  const proxy = new InProcessProxy(settings);
  t.after(() => proxy.close());
  await apply(proxy, part);
  return proxy;
}

function apply(proxy: InProcessProxy, part: Partial<ListenerConfig>): Promise<void> {
  return proxy.apply({
    listeners: [listenerConfig('web', part), listenerConfig('websecure', { protocol: 'https', ...part })],
    certificates: [CERTIFICATE],
    upstreams: [upstreamConfig('a', upstream.address)],
    routes: [routeConfig('r', 'a')],
  });
}

function portOf(proxy: InProcessProxy, listener: string): number {
  return proxy.server.ports.find((bound) => bound.listener === listener)?.port ?? 0;
}

async function clientIpOf(number = 1): Promise<string | null> {
  return (await upstream.request(number)).field('X-Real-IP');
}

/** Writes `bytes` in pieces that end at `cuts`, each in a segment of its own as far as the kernel keeps them apart. */
async function writeInPieces(socket: net.Socket, bytes: Buffer, cuts: readonly number[]): Promise<void> {
  socket.setNoDelay(true);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    await new Promise<void>((resolve) => socket.write(bytes.subarray(from, cut), () => setImmediate(resolve)));
    from = cut;
  }
}

const HEADERS: readonly {
  readonly name: string;
  readonly header: Buffer;
  readonly ip: string;
  readonly port: string;
}[] = [
  { name: 'version 1', header: V1, ip: '192.0.2.7', port: '8443' },
  { name: 'version 2', header: V2, ip: '192.0.2.7', port: '8443' },
  { name: 'version 2 with IPv6', header: V2_IPV6, ip: '2001:db8::1', port: '80' },
];

for (const { name, header, ip, port } of HEADERS) {
  test(`clear text: the addresses of ${name} are those of the client, however it is cut`, async (t) => {
    const proxy = await start(t);
    const all = Buffer.concat([header, Buffer.from(GET)]);
    const cuts = Array.from({ length: header.length + 2 }, (_, at) => [at + 1]);
    for (const places of [[], ...cuts, cuts.flat()]) {
      const client = await RawClient.connect(portOf(proxy, 'web'));
      await writeInPieces(client.socket, all, places);
      assert.equal(await client.status(), 200);
      const request = await upstream.request();
      assert.equal(request.field('X-Real-IP'), ip);
      assert.equal(request.field('X-Forwarded-For'), ip);
      assert.equal(request.field('X-Forwarded-Port'), port);
      assert.equal(request.field('X-Forwarded-Proto'), 'http');
      assert.equal(proxy.accessLog.at(-1)?.clientIp, ip);
      upstream.forget();
      client.destroy();
    }
  });

  test(`in front of TLS: the addresses of ${name} are those of the client, however it is cut`, async (t) => {
    const proxy = await start(t);
    // In one segment with the ClientHello, byte by byte, and on its own.
    for (const cuts of ['together', 'bytes', 'alone'] as const) {
      const raw = net.connect(portOf(proxy, 'websecure'), '127.0.0.1');
      if (cuts === 'together') {
        raw.cork();
        raw.write(header);
        process.nextTick(() => raw.uncork());
      } else if (cuts === 'alone') raw.write(header);
      else
        await writeInPieces(
          raw,
          header,
          Array.from({ length: header.length - 1 }, (_, at) => at + 1),
        );
      const client = new RawClient(tls.connect({ socket: raw, servername: 'shop.example', rejectUnauthorized: false }));
      client.write(GET);
      assert.equal(await client.status(), 200);
      const request = await upstream.request();
      assert.equal(request.field('X-Real-IP'), ip, cuts);
      assert.equal(request.field('X-Forwarded-Proto'), 'https');
      upstream.forget();
      client.destroy();
      raw.destroy();
    }
  });
}

test('many connections at once in front of TLS keep their addresses apart', async (t) => {
  const proxy = await start(t);
  await Promise.all(
    Array.from({ length: 40 }, async (_, number) => {
      const raw = net.connect(portOf(proxy, 'websecure'), '127.0.0.1');
      if (number % 4 !== 0) raw.write(`PROXY TCP4 192.0.2.${number} 198.51.100.10 4498 443\r\n`);
      else raw.write('PROXY UNKNOWN\r\n');
      const client = new RawClient(tls.connect({ socket: raw, servername: 'shop.example', rejectUnauthorized: false }));
      client.write(`GET /${number} HTTP/1.1\r\nHost: shop.example\r\n\r\n`);
      assert.equal(await client.status(), 200);
      client.destroy();
      raw.destroy();
    }),
  );
  assert.equal(upstream.requests.length, 40);
  for (const request of upstream.requests) {
    const number = Number(request.target.slice(1));
    assert.equal(request.field('X-Real-IP'), number % 4 === 0 ? '127.0.0.1' : `192.0.2.${number}`);
  }
});

test('HTTP/2 behind a header, in the clear and over TLS', async (t) => {
  const proxy = await start(t);
  for (const listener of ['web', 'websecure']) {
    const secure = listener === 'websecure';
    const raw = net.connect(portOf(proxy, listener), '127.0.0.1');
    raw.write(V2);
    const options = { socket: raw, servername: 'shop.example', rejectUnauthorized: false, ALPNProtocols: ['h2'] };
    const socket = secure ? tls.connect(options) : raw;
    const session = http2.connect(`http://127.0.0.1`, { createConnection: () => socket });
    const client = new Http2Client(session);
    assert.equal(Number((await client.get('/')).field(':status')), 200);
    assert.equal(await clientIpOf(), '192.0.2.7');
    upstream.forget();
    client.destroy();
    raw.destroy();
  }
});

test('an upstream that wants a header gets the addresses of the one that came', async (t) => {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  const relay = await ScriptedUpstream.start(() => ok('fine'), { proxyHeader: true });
  t.after(() => relay.close());
  await proxy.apply({
    listeners: [listenerConfig('web', FROM_HERE)],
    upstreams: [{ ...upstreamConfig('a', relay.address), sendProxyProtocol: 'v1' }],
    routes: [routeConfig('r', 'a')],
  });
  const client = await RawClient.connect(proxy.port);
  client.write(Buffer.concat([V1, Buffer.from(GET)]));
  assert.equal(await client.status(), 200);
  assert.equal((await relay.request()).connection.proxyHeader.toString('latin1'), V1.toString('latin1'));
  client.destroy();
});

test('a balancer that ends TLS and names port 443 has clients that speak https', async (t) => {
  const proxy = await start(t);
  const client = await RawClient.connect(portOf(proxy, 'web'));
  client.write(`PROXY TCP4 192.0.2.7 198.51.100.10 4498 443\r\n${GET}`);
  assert.equal(await client.status(), 200);
  const request = await upstream.request();
  assert.equal(request.field('X-Forwarded-Proto'), 'https');
  assert.equal(request.field('X-Forwarded-Port'), '443');
  client.destroy();
});

const NAMELESS: readonly { readonly name: string; readonly header: Buffer }[] = [
  { name: 'UNKNOWN', header: Buffer.from('PROXY UNKNOWN\r\n') },
  { name: 'UNKNOWN with addresses', header: Buffer.from('PROXY UNKNOWN 1.2.3.4 5.6.7.8 9 10\r\n') },
  { name: 'LOCAL', header: v2(0x20, 0x11, 'c0000207c633640a11920050') },
  { name: 'an unspecified family', header: v2(0x21, 0x00, '') },
  { name: 'a UNIX socket', header: v2(0x21, 0x31, '00'.repeat(216)) },
];

for (const { name, header } of NAMELESS) {
  test(`${name} leaves the address of the connection`, async (t) => {
    const proxy = await start(t);
    const client = await RawClient.connect(portOf(proxy, 'web'));
    client.write(Buffer.concat([header, Buffer.from(GET)]));
    assert.equal(await client.status(), 200);
    assert.equal(await clientIpOf(), '127.0.0.1');
    client.destroy();
  });
}

const INVALID: readonly { readonly name: string; readonly bytes: string | Buffer }[] = [
  { name: 'a request without header', bytes: GET },
  { name: 'a ClientHello without header', bytes: Buffer.from([22, 3, 1, 0, 100, 1, 0]) },
  { name: 'an address with a leading zero', bytes: `PROXY TCP4 192.0.2.07 1.2.3.4 1 2\r\n${GET}` },
  { name: 'two spaces', bytes: `PROXY  TCP4 192.0.2.7 1.2.3.4 1 2\r\n${GET}` },
  { name: 'a line feed alone', bytes: `PROXY TCP4 192.0.2.7 1.2.3.4 1 2\n${GET}` },
  { name: 'a line of 108 bytes', bytes: `PROXY UNKNOWN ${'x'.repeat(100)}\r\n${GET}` },
  { name: 'version 3', bytes: v2(0x31, 0x11, 'c0000207c633640a11920050') },
  { name: 'addresses cut short', bytes: v2(0x21, 0x11, 'c0000207') },
  { name: 'two headers', bytes: Buffer.concat([V1, V1, Buffer.from(GET)]) },
];

for (const { name, bytes } of INVALID) {
  test(`${name} from a trusted peer is closed${name === 'two headers' ? ' with a 400' : ' without an answer'}`, async (t) => {
    const proxy = await start(t);
    for (const listener of name === 'two headers' ? ['web'] : ['web', 'websecure']) {
      const client = await RawClient.connect(portOf(proxy, listener));
      client.write(bytes);
      const { text } = await client.remainder();
      if (name === 'two headers') assert.match(text, /^HTTP\/1.1 400 /);
      else assert.equal(text, '');
      client.destroy();
    }
    assert.equal(upstream.requests.length, 0);
    const [line] = proxy.logger.lines.filter(({ message }) => message.startsWith('connection without a valid PROXY'));
    assert.equal(line === undefined, name === 'two headers');
  });
}

test('from a peer that is not trusted a header is an invalid request, and requests need none', async (t) => {
  const proxy = await start(t, { proxyProtocol: { trusted: ['192.0.2.0/24'] } });
  for (const bytes of [V1, V2]) {
    const client = await RawClient.connect(portOf(proxy, 'web'));
    client.write(Buffer.concat([bytes, Buffer.from(GET)]));
    assert.match((await client.remainder()).text, /^HTTP\/1.1 400 /);
    const secure = await RawClient.connect(portOf(proxy, 'websecure'));
    secure.write(bytes);
    assert.doesNotMatch((await secure.remainder()).text, /HTTP/);
  }
  assert.equal(upstream.requests.length, 0);
  const client = await RawClient.connect(portOf(proxy, 'web'));
  client.write(GET);
  assert.equal(await client.status(), 200);
  assert.equal(await clientIpOf(), '127.0.0.1');
  client.destroy();
});

test('a listener without the setting recognises no header', async (t) => {
  const proxy = await start(t, {});
  const client = await RawClient.connect(portOf(proxy, 'web'));
  client.write(`${V1.toString()}${GET}`);
  assert.match((await client.remainder()).text, /^HTTP\/1.1 400 /);
});

test('a header that takes too long is given up without an answer, however busily it trickles in', async (t) => {
  const proxy = await start(t, FROM_HERE, { proxyHeaderTimeoutMs: 250 });
  for (const listener of ['web', 'websecure']) {
    const silent = await RawClient.connect(portOf(proxy, listener));
    const slow = await RawClient.connect(portOf(proxy, listener));
    slow.write('PROXY UNKNOWN ');
    let written = 0;
    const trickle = setInterval(() => written++ < 60 && slow.write('x'), 20);
    assert.equal((await slow.remainder()).text, '');
    assert.equal((await silent.remainder()).text, '');
    clearInterval(trickle);
  }
});

test('connections that wait for their header count towards the limit, and no longer when they are gone', async (t) => {
  const proxy = await start(t, FROM_HERE, { maxConnections: 2 });
  const port = portOf(proxy, 'web');
  const first = await RawClient.connect(port);
  const second = await RawClient.connect(port);
  // Accepted in the order of their coming.
  assert.equal(await tryVisit(port), false);
  assert.equal(proxy.worker.refusedConnections, 1);
  first.write(Buffer.concat([V1, Buffer.from(GET)]));
  assert.equal(await first.status(), 200);
  for (const client of [first, second]) client.destroy();
  // Whatever was held for nothing would be missing sooner or later.
  for (let turn = 0; turn < 10; turn++) await visitUntilLetIn(port);
});

/** False: it was closed, at whatever moment. */
async function tryVisit(port: number): Promise<boolean> {
  try {
    const client = await RawClient.connect(port);
    client.write(Buffer.concat([V1, Buffer.from(GET)]));
    const status = await client.status();
    client.destroy();
    return status === 200;
  } catch {
    return false;
  }
}

/** A connection that was closed a moment ago may still count. */
async function visitUntilLetIn(port: number): Promise<void> {
  for (let attempt = 0; attempt < 1_000; attempt++) if (await tryVisit(port)) return;
  assert.fail('never let in again');
}

test('connections that wait for their header do not hold up a drain', async (t) => {
  const proxy = await start(t);
  const waiting = await RawClient.connect(portOf(proxy, 'web'));
  waiting.write('PROXY ');
  await visitUntilLetIn(portOf(proxy, 'web'));
  await proxy.server.drain(60_000);
  assert.equal((await waiting.remainder()).text, '');
});

test('a change of who must send headers keeps the socket and the connections', async (t) => {
  const proxy = await start(t, {});
  const port = portOf(proxy, 'web');
  const old = await RawClient.connect(port);
  old.write(GET);
  assert.equal(await old.status(), 200);
  await apply(proxy, FROM_HERE);
  assert.equal(portOf(proxy, 'web'), port);
  old.write(GET);
  assert.equal(await old.status(), 200);
  const client = await RawClient.connect(port);
  client.write(Buffer.concat([V1, Buffer.from(GET)]));
  assert.equal(await client.status(), 200);
  assert.equal(await clientIpOf(3), '192.0.2.7');
  await apply(proxy, {});
  client.write(GET);
  assert.equal(await client.status(), 200);
  assert.equal(await clientIpOf(4), '192.0.2.7');
  for (const each of [old, client]) each.destroy();
});
