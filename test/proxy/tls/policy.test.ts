/** What a TLS client may and may not negotiate. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { generate } from 'selfsigned';
import { AwaitedState } from '../../support/awaited-state.ts';
import { InProcessProxy } from '../../support/in-process-proxy.ts';
import { certificateConfig, listenerConfig } from '../../support/proxy-config.ts';
import { visit } from '../../support/tls-client.ts';
import { SHOP_CERT, SHOP_KEY } from '../../watch/key-pair-fixtures.ts';

let proxy: InProcessProxy;

before(async () => {
  proxy = new InProcessProxy({});
  const rsa = await generate([{ name: 'commonName', value: 'rsa.example' }], { keySize: 2_048, algorithm: 'sha256' });
  await proxy.apply({
    listeners: [listenerConfig('websecure', { protocol: 'https' })],
    certificates: [
      certificateConfig('ec', { certPem: SHOP_CERT, keyPem: SHOP_KEY }, { isDefault: true }),
      certificateConfig('rsa', { certPem: rsa.cert, keyPem: rsa.private }, { hosts: ['rsa.example'] }),
    ],
  });
});

after(() => proxy.close());

const ANY = 'ALL:@SECLEVEL=0';

const REFUSED: readonly { readonly name: string; readonly options: tls.ConnectionOptions }[] = [
  { name: 'TLS 1.0', options: { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: ANY } },
  { name: 'TLS 1.1', options: { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: ANY } },
  { name: 'CBC with an ECDSA certificate', options: { ciphers: 'ECDHE-ECDSA-AES128-SHA256' } },
  { name: 'CBC with an RSA certificate', options: { ciphers: 'ECDHE-RSA-AES256-SHA384', servername: 'rsa.example' } },
  { name: 'RSA key exchange', options: { ciphers: 'AES128-GCM-SHA256', servername: 'rsa.example' } },
  { name: 'finite-field DHE', options: { ciphers: 'DHE-RSA-AES128-GCM-SHA256', servername: 'rsa.example' } },
  { name: 'no encryption', options: { ciphers: 'eNULL:@SECLEVEL=0', servername: 'rsa.example' } },
  { name: 'no certificate', options: { ciphers: 'aNULL:@SECLEVEL=0' } },
  { name: 'CCM with a short tag', options: { ciphers: 'ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0' } },
];

for (const { name, options } of REFUSED) {
  test(`refused: ${name}`, async () => {
    const earlier = proxy.worker.tlsHandshakeErrors;
    await assert.rejects(visit(proxy.port, { maxVersion: 'TLSv1.2', ...options }), (error: NodeJS.ErrnoException) =>
      /^ERR_SSL_|ECONNRESET/.test(error.code ?? ''),
    );
    assert.equal(proxy.worker.tlsHandshakeErrors, earlier + 1);
  });
}

const CHOSEN: readonly { readonly name: string; readonly options: tls.ConnectionOptions; readonly cipher: string }[] = [
  {
    name: 'the server decides: a client that likes AES-256 better gets AES-128 (TLS 1.2)',
    options: { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
    cipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  },
  {
    name: 'the server decides: a client that likes AES-256 better gets AES-128 (TLS 1.3)',
    options: { ciphers: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256' },
    cipher: 'TLS_AES_128_GCM_SHA256',
  },
  {
    name: 'a client that puts ChaCha20 first gets it (TLS 1.2)',
    options: { ciphers: 'ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
    cipher: 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  },
  {
    name: 'a client that puts ChaCha20 first gets it (TLS 1.3)',
    options: { ciphers: 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256' },
    cipher: 'TLS_CHACHA20_POLY1305_SHA256',
  },
];

for (const { name, options, cipher } of CHOSEN) {
  test(name, async () => {
    assert.equal((await visit(proxy.port, { servername: 'rsa.example', ...adapt(options) })).cipher, cipher);
  });
}

/** ECDSA ciphers are for the name with that certificate. */
function adapt(options: tls.ConnectionOptions): tls.ConnectionOptions {
  return options.ciphers?.includes('ECDSA') === true ? { ...options, servername: '' } : options;
}

test('an attempt to renegotiate closes the connection, and harms no other', async () => {
  const state = new AwaitedState();
  let established = false;
  let closed = false;
  const socket = tls.connect({ host: '127.0.0.1', port: proxy.port, rejectUnauthorized: false, maxVersion: 'TLSv1.2' });
  socket.on('secureConnect', () => {
    established = true;
    socket.renegotiate({ rejectUnauthorized: false }, () => undefined);
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
    state.report();
  });
  await state.until(() => (closed ? true : undefined));
  assert.equal(established, true);
  assert.equal((await visit(proxy.port)).reused, false);
});
