/** Sessions that clients resume: at another worker, after certificates changed, and after the ticket keys did. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { InProcessProxy } from '../../support/in-process-proxy.ts';
import { certificateConfig, listenerConfig } from '../../support/proxy-config.ts';
import { type TlsVersion, visitWith } from '../../support/tls-client.ts';
import { OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY } from '../../watch/key-pair-fixtures.ts';

const LISTENERS = [listenerConfig('websecure', { protocol: 'https' })];
const SHOP = certificateConfig('shop', { certPem: SHOP_CERT, keyPem: SHOP_KEY }, { hosts: ['shop.example'] });
const FALLBACK = certificateConfig('other', { certPem: OTHER_CERT, keyPem: OTHER_KEY }, { isDefault: true });
const KEYS = new Uint8Array(48).fill(7);
const NEXT_KEYS = new Uint8Array(48).fill(8);

const CLIENTS: readonly { readonly version: TlsVersion; readonly serverName: string }[] = [
  { version: 'TLSv1.2', serverName: 'shop.example' },
  { version: 'TLSv1.2', serverName: '' },
  { version: 'TLSv1.3', serverName: 'shop.example' },
  { version: 'TLSv1.3', serverName: '' },
];

async function startWorker(t: TestContext, keys: Uint8Array): Promise<InProcessProxy> {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  proxy.server.useTicketKeys(keys);
  await proxy.apply({ listeners: LISTENERS, certificates: [SHOP, FALLBACK] });
  return proxy;
}

for (const { version, serverName } of CLIENTS) {
  const client = `${version} ${serverName === '' ? 'without SNI' : 'with SNI'}`;

  test(`${client}: a session of one worker is resumed by another with the same keys, and by no other`, async (t) => {
    const first = await startWorker(t, KEYS);
    const second = await startWorker(t, KEYS);
    const stranger = await startWorker(t, NEXT_KEYS);
    const { session, reused } = await visitWith(first.port, version, serverName, null);
    assert.equal(reused, false);
    assert.equal((await visitWith(second.port, version, serverName, session)).reused, true);
    assert.equal((await visitWith(stranger.port, version, serverName, session)).reused, false);
  });

  test(`${client}: new keys cost one full handshake, then sessions are resumed again`, async (t) => {
    const proxy = await startWorker(t, KEYS);
    const old = await visitWith(proxy.port, version, serverName, null);
    assert.equal((await visitWith(proxy.port, version, serverName, old.session)).reused, true);
    proxy.server.useTicketKeys(NEXT_KEYS);
    const renewed = await visitWith(proxy.port, version, serverName, old.session);
    assert.equal(renewed.reused, false);
    assert.equal((await visitWith(proxy.port, version, serverName, renewed.session)).reused, true);
  });

  test(`${client}: sessions outlive a change of the default certificate`, async (t) => {
    const proxy = await startWorker(t, KEYS);
    const { session } = await visitWith(proxy.port, version, serverName, null);
    await proxy.apply({ listeners: LISTENERS, certificates: [{ ...SHOP, isDefault: true }] });
    assert.equal((await visitWith(proxy.port, version, serverName, session)).reused, true);
  });
}
