/** Handshakes that go wrong or take their time, and certificates that change while handshakes go on. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { SecureContexts } from '../../../src/proxy/tls/secure-contexts.ts';
import { TlsTermination } from '../../../src/proxy/tls/tls-termination.ts';
import { InProcessProxy } from '../../support/in-process-proxy.ts';
import { certificateConfig, listenerConfig } from '../../support/proxy-config.ts';
import { RawClient } from '../../support/raw-client.ts';
import { ok } from '../../support/scripted-upstream.ts';
import { visit } from '../../support/tls-client.ts';
import { OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY } from '../../watch/key-pair-fixtures.ts';

const LISTENERS = [listenerConfig('websecure', { protocol: 'https' })];
const SHOP = { certPem: SHOP_CERT, keyPem: SHOP_KEY };
const OTHER = { certPem: OTHER_CERT, keyPem: OTHER_KEY };
const DEFAULT = certificateConfig('default', SHOP, { isDefault: true });

/** A record header that promises 100 bytes of handshake, and the first two of them. */
const HALF_HELLO = Buffer.from([22, 3, 1, 0, 100, 1, 0]);

const GARBAGE: readonly { readonly name: string; readonly bytes: Buffer }[] = [
  { name: 'clear-text HTTP', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n') },
  { name: 'an HTTP/2 preface', bytes: Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') },
  { name: 'a PROXY header', bytes: Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n') },
  { name: 'zeros', bytes: Buffer.alloc(100_000) },
  { name: 'an alert', bytes: Buffer.from([21, 3, 1, 0, 2, 2, 40]) },
  { name: 'application data first', bytes: Buffer.from([23, 3, 3, 0, 5, 1, 2, 3, 4, 5]) },
  {
    name: 'a record longer than may be',
    bytes: Buffer.concat([Buffer.from([22, 3, 1, 255, 255]), Buffer.alloc(70_000)]),
  },
  {
    name: 'a ClientHello of 16 MB',
    bytes: Buffer.concat([Buffer.from([22, 3, 1, 64, 0, 1, 255, 255, 255]), Buffer.alloc(16_380)]),
  },
];

for (const { name, bytes } of GARBAGE) {
  test(`instead of a ClientHello: ${name}`, async (t) => {
    const proxy = new InProcessProxy({});
    t.after(() => proxy.close());
    await proxy.apply({ listeners: LISTENERS, certificates: [DEFAULT] });
    const client = await RawClient.connect(proxy.port);
    client.write(bytes);
    assert.doesNotMatch((await client.remainder()).text, /HTTP/);
    client.destroy();
    assert.equal(proxy.worker.tlsHandshakeErrors, 1);
    assert.equal((await visit(proxy.port)).commonName, 'shop.example');
  });
}

for (const { name, bytes } of [
  { name: 'says nothing', bytes: Buffer.alloc(0) },
  { name: 'stops in the middle of its ClientHello', bytes: HALF_HELLO },
]) {
  test(`a client that ${name} is cut when its time is over`, async (t) => {
    const proxy = new InProcessProxy({ tlsHandshakeTimeoutMs: 20 });
    t.after(() => proxy.close());
    await proxy.apply({ listeners: LISTENERS, certificates: [DEFAULT] });
    const client = await RawClient.connect(proxy.port);
    client.write(bytes);
    assert.notEqual((await client.remainder()).ending, 'open');
    client.destroy();
    assert.equal(proxy.worker.tlsHandshakeErrors, 1);
    assert.equal(proxy.worker.acceptedConnections, 0);
  });
}

test('what has completed its handshake is not under its time limit any more', async (t) => {
  const proxy = new InProcessProxy({ tlsHandshakeTimeoutMs: 500 });
  t.after(() => proxy.close());
  await proxy.apply({ listeners: LISTENERS, certificates: [DEFAULT] });
  // A handshake may take longer on a machine that does something else.
  let established: RawClient | null = null;
  while (established === null) established = await RawClient.connectTls(proxy.port, {}).catch(() => null);
  const silent = await RawClient.connect(proxy.port);
  await silent.remainder();
  established.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.equal(await established.status(), 404);
  established.destroy();
  silent.destroy();
});

test('a client that leaves in the middle of its handshake is counted and harms nobody', async (t) => {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  await proxy.apply({ listeners: LISTENERS, certificates: [DEFAULT] });
  const ended = await RawClient.connect(proxy.port);
  ended.write(HALF_HELLO);
  ended.socket.end();
  await ended.remainder();
  assert.equal(proxy.worker.tlsHandshakeErrors, 1);
  assert.equal((await visit(proxy.port)).commonName, 'shop.example');
});

test('a name without certificate and default is refused, and so is a certificate that cannot be used', async (t) => {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  const broken = certificateConfig('x', { certPem: SHOP_CERT, keyPem: OTHER_KEY }, { hosts: ['broken.example'] });
  const fine = certificateConfig('y', OTHER, { hosts: ['fine.example'] });
  await proxy.apply({ listeners: LISTENERS, certificates: [broken, fine] });
  for (const servername of ['unknown.example', '', 'broken.example', 'broken.example', 'broken.example']) {
    await assert.rejects(visit(proxy.port, { servername }));
  }
  assert.equal(proxy.worker.tlsHandshakeErrors, 5);
  assert.equal((await visit(proxy.port, { servername: 'fine.example' })).commonName, 'other.example');
  // Clients can ask for it as often as they like: one line says so, and no key is in it.
  const lines = proxy.logger.lines.filter(({ message }) => message === 'certificate unusable');
  assert.equal(lines.length, 1);
  assert.doesNotMatch(JSON.stringify(lines), /PRIVATE KEY/);
});

test('a default certificate that is gone is shown to nobody any more', async (t) => {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  await proxy.apply({ listeners: LISTENERS, certificates: [DEFAULT] });
  assert.equal((await visit(proxy.port)).commonName, 'shop.example');
  await proxy.apply({ listeners: LISTENERS, certificates: [] });
  await assert.rejects(visit(proxy.port));
});

test('a listener opened later has the default certificate of its time', async (t) => {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  await proxy.apply({ listeners: LISTENERS, certificates: [DEFAULT] });
  const listeners = [...LISTENERS, listenerConfig('late', { protocol: 'https' })];
  await proxy.apply({ listeners, certificates: [DEFAULT] });
  await proxy.apply({ listeners, certificates: [{ ...DEFAULT, ...OTHER }] });
  for (const { port } of proxy.server.ports) assert.equal((await visit(port)).commonName, 'other.example');
  assert.equal(proxy.server.ports.length, 2);
});

test('once the handshake is complete, a client may close its half and still be answered', async (t) => {
  const proxy = new InProcessProxy({});
  const termination = new TlsTermination(proxy.worker);
  const listener = net.createServer({ allowHalfOpen: true }, (socket) => beginTls(socket));
  const beginTls = termination.terminate(listener, 'late', (socket) => {
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end('late answer'));
    socket.resume();
  });
  t.after(() => {
    listener.close();
    return proxy.close();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  await proxy.apply({ certificates: [DEFAULT] });
  termination.useCertificates();
  const client = await RawClient.connectTls((listener.address() as net.AddressInfo).port, {});
  client.socket.allowHalfOpen = true;
  client.socket.end('all I have to say');
  assert.deepEqual(await client.remainder(), { text: 'late answer', ending: 'end' });
});

test('more names than contexts are kept for: every one gets its certificate', async (t) => {
  const proxy = new InProcessProxy({});
  const contexts = new SecureContexts(4);
  const termination = new TlsTermination(proxy.worker, contexts);
  const listener = net.createServer((socket) => beginTls(socket));
  const beginTls = termination.terminate(listener, 'many', (socket) => {
    socket.on('error', () => undefined);
    socket.end(ok('hello'));
  });
  t.after(() => {
    listener.close();
    return proxy.close();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const certificates = Array.from({ length: 12 }, (_, index) =>
    certificateConfig(`c${index}`, index % 2 === 0 ? SHOP : OTHER, { hosts: [`h${index}.example`] }),
  );
  await proxy.apply({ certificates });
  termination.useCertificates();
  const { port } = listener.address() as net.AddressInfo;
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 12; index++) {
      const { commonName } = await visit(port, { servername: `h${index}.example` });
      assert.equal(commonName, index % 2 === 0 ? 'shop.example' : 'other.example');
      assert.ok(contexts.size <= 4);
    }
  }
});

test('certificates and ticket keys change under handshakes, and not one of them fails', async (t) => {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  const named = certificateConfig('named', SHOP, { hosts: ['shop.example'] });
  await proxy.apply({ listeners: LISTENERS, certificates: [DEFAULT, named] });
  const seen = new Set<string>();
  const done = new AbortController();
  let handshakes = 0;
  const client = async (servername: string): Promise<void> => {
    while (!done.signal.aborted) {
      seen.add((await visit(proxy.port, { servername })).commonName);
      handshakes++;
    }
  };
  const clients = ['shop.example', '', 'shop.example', ''].map(client);
  for (let change = 1; change <= 20; change++) {
    const pair = change % 2 === 0 ? SHOP : OTHER;
    await proxy.apply({
      listeners: LISTENERS,
      certificates: [
        { ...DEFAULT, ...pair },
        { ...named, ...pair },
      ],
    });
    proxy.server.useTicketKeys(new Uint8Array(48).fill(change));
    const { commonName } = await visit(proxy.port, { servername: change % 3 === 0 ? '' : 'shop.example' });
    assert.equal(commonName, change % 2 === 0 ? 'shop.example' : 'other.example');
  }
  done.abort();
  await Promise.all(clients);
  assert.deepEqual([...seen].toSorted(), ['other.example', 'shop.example']);
  assert.ok(handshakes >= 20, `${handshakes} handshakes`);
  assert.equal(proxy.worker.tlsHandshakeErrors, 0);
});
