/** The certificate of listeners for clients that name nobody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { certificateConfig, listenerConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY } from '../watch/key-pair-fixtures.ts';

async function commonName(port: number): Promise<string> {
  const client = await RawClient.connectTls(port, {});
  const name = (client.socket as TLSSocket).getPeerCertificate().subject.CN;
  client.destroy();
  return String(name);
}

test('a default certificate whose files changed is used at once, also when its leaf has kept its fingerprint', async (t) => {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  const listeners = [listenerConfig('websecure', { protocol: 'https' })];
  const first = certificateConfig('x', { certPem: SHOP_CERT, keyPem: SHOP_KEY }, { isDefault: true });
  await proxy.apply({ listeners, certificates: [first] });
  assert.equal(await commonName(proxy.port), 'shop.example');
  await proxy.apply({ listeners, certificates: [{ ...first, certPem: OTHER_CERT, keyPem: OTHER_KEY }] });
  assert.equal(await commonName(proxy.port), 'other.example');
});
