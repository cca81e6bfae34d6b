/** Names and protocols in a ClientHello that no honest client sends: each gets a certificate or an alert, and nobody else notices. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { parseClientCa } from '../../../src/watch/client-ca.ts';
import { clientHello } from '../../support/client-hello.ts';
import { InProcessProxy } from '../../support/in-process-proxy.ts';
import { certificateConfig, listenerConfig } from '../../support/proxy-config.ts';
import { RawClient } from '../../support/raw-client.ts';
import { visit } from '../../support/tls-client.ts';
import { OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY } from '../../watch/key-pair-fixtures.ts';

const SHOP = new X509Certificate(SHOP_CERT).raw;
const OTHER = new X509Certificate(OTHER_CERT).raw;
const NO_APPLICATION_PROTOCOL = 120;
const ALERT = 21;
const HANDSHAKE = 22;

async function start(t: TestContext, asksClients: boolean): Promise<InProcessProxy> {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  const parsed = parseClientCa(OTHER_CERT);
  assert.ok('ca' in parsed);
  const rule = { hosts: ['shop.example'], mode: 'require', ca: parsed.ca, forwardCertificate: false } as const;
  await proxy.apply({
    listeners: [listenerConfig('websecure', { protocol: 'https', clientCertificates: asksClients ? [rule] : [] })],
    certificates: [
      certificateConfig('other', { certPem: OTHER_CERT, keyPem: OTHER_KEY }, { isDefault: true }),
      certificateConfig(
        'shop',
        { certPem: SHOP_CERT, keyPem: SHOP_KEY },
        { hosts: ['shop.example', '*.shop.example'] },
      ),
    ],
  });
  return proxy;
}

/** `shop`, `other`: the certificate that came; `alert N`; `closed`. */
async function answerTo(port: number, hello: Buffer): Promise<string> {
  const client = await RawClient.connect(port);
  client.write(hello);
  const received = await client
    .bytes((bytes) => bytes[0] === ALERT || bytes.includes(SHOP) || bytes.includes(OTHER))
    .catch(() => null);
  client.destroy();
  if (received === null) return 'closed';
  if (received[0] === ALERT) return `alert ${received[6]}`;
  assert.equal(received[0], HANDSHAKE);
  return received.includes(SHOP) ? 'shop' : 'other';
}

interface Case {
  readonly name: string;
  readonly serverName: Buffer | string | null;
  readonly answer: RegExp;
}

const cases: readonly Case[] = [
  { name: 'no name', serverName: null, answer: /^other$/ },
  { name: 'a name', serverName: 'shop.example', answer: /^shop$/ },
  { name: 'a name in capitals', serverName: 'SHOP.EXAMPLE', answer: /^shop$/ },
  { name: 'a trailing dot', serverName: 'shop.example.', answer: /^shop$/ },
  { name: 'two trailing dots', serverName: 'shop.example..', answer: /^other$/ },
  { name: 'dots alone', serverName: '...', answer: /^other$/ },
  { name: 'an IPv4 literal', serverName: '127.0.0.1', answer: /^other$/ },
  { name: 'an IPv6 literal', serverName: '[::1]', answer: /^other$/ },
  { name: 'a wildcard', serverName: '*.shop.example', answer: /^(?:other|shop)$/ },
  { name: 'a star', serverName: '*', answer: /^other$/ },
  { name: 'a name of objects', serverName: '__proto__', answer: /^other$/ },
  { name: 'another one', serverName: 'constructor', answer: /^other$/ },
  { name: 'line breaks', serverName: 'shop.example\r\nX: y', answer: /^other$/ },
  { name: 'UTF-8', serverName: 'shöp.example', answer: /^other$/ },
  { name: 'what is not UTF-8', serverName: Buffer.from([0xff, 0xfe, 0x2e, 0x80]), answer: /^other$/ },
  { name: '255 bytes', serverName: 'a'.repeat(255), answer: /^other$/ },
  { name: '256 bytes', serverName: 'a'.repeat(256), answer: /^(?:alert \d+|closed)$/ },
  { name: '16,000 bytes', serverName: 'a'.repeat(16_000), answer: /^(?:alert \d+|closed)$/ },
  { name: 'a NUL', serverName: 'shop.example\0.evil.example', answer: /^(?:alert \d+|closed)$/ },
  { name: 'nothing', serverName: '', answer: /^other$/ },
];

for (const asksClients of [false, true]) {
  test(`names in a ClientHello${asksClients ? ', where clients are asked for certificates' : ''}`, async (t) => {
    const proxy = await start(t, asksClients);
    for (const { name, serverName, answer } of cases) {
      const bytes = typeof serverName === 'string' ? Buffer.from(serverName) : serverName;
      assert.match(await answerTo(proxy.port, clientHello(bytes)), answer, name);
      assert.equal((await visit(proxy.port, { servername: 'shop.example' })).commonName, 'shop.example', name);
    }
  });
}

test('a client that speaks none of our protocols is told so by an alert', async (t) => {
  const proxy = await start(t, false);
  for (const protocols of [['h3'], ['smtp', 'h2c'], ['H2'], ['http/1.0']]) {
    const hello = clientHello(Buffer.from('shop.example'), protocols);
    assert.equal(await answerTo(proxy.port, hello), `alert ${NO_APPLICATION_PROTOCOL}`, protocols.join());
  }
  for (const protocols of [['h2'], ['h3', 'http/1.1']]) {
    assert.equal(await answerTo(proxy.port, clientHello(Buffer.from('shop.example'), protocols)), 'shop');
  }
  assert.equal((await visit(proxy.port, { servername: 'shop.example' })).commonName, 'shop.example');
});
