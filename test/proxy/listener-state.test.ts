/** What may change while a listener stays open, and what a PROXY header makes of its facts. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { ListenerState } from '../../src/proxy/listener-state.ts';
import { listenerConfig } from '../support/proxy-config.ts';

const from = (remoteAddress: string | undefined): Socket => ({ remoteAddress }) as unknown as Socket;
const headerOf = (destinationPort: number) => ({
  sourceAddress: '192.0.2.7',
  sourcePort: 4_498,
  destinationAddress: '198.51.100.10',
  destinationPort,
});

test('clients are told the bound port, unless another is advertised', () => {
  const plain = new ListenerState(listenerConfig('web'));
  plain.bound(40_000);
  assert.equal(plain.facts.port, 40_000);
  const advertised = new ListenerState(listenerConfig('web', { advertisedPort: 80 }));
  advertised.bound(40_000);
  assert.equal(advertised.facts.port, 80);
});

test('a header is expected of trusted peers only, mapped addresses among them', () => {
  const state = new ListenerState(listenerConfig('web', { proxyProtocol: { trusted: ['10.0.0.0/8'] } }));
  const addresses = ['10.1.2.3', '::ffff:10.1.2.3', '::10.1.2.3', '192.0.2.1', undefined];
  assert.deepEqual(
    addresses.map((address) => state.expectsHeader(from(address))),
    [true, true, false, false, false],
  );
  state.update(listenerConfig('web'));
  assert.equal(state.expectsHeader(from('10.1.2.3')), false);
});

test('the destination port of a header is the port, and 443 means TLS', () => {
  const state = new ListenerState(listenerConfig('web', { port: 8_080 }));
  state.bound(8_080);
  assert.equal(state.factsBehind(null), state.facts);
  const seen = [80, 443, 0].map((port) => state.factsBehind(headerOf(port)));
  assert.deepEqual(
    seen.map(({ header, port, secure, encrypted }) => [header?.sourceAddress, port, secure, encrypted]),
    [
      ['192.0.2.7', 80, false, false],
      ['192.0.2.7', 443, true, false],
      ['192.0.2.7', 8_080, false, false],
    ],
  );
});

test('open connections have to ask again only when trust or certificates changed', () => {
  const ca = { pem: 'x', fingerprint: 'x' };
  const clientCertificates = [{ hosts: [''], mode: 'require', ca, forwardCertificate: false } as const];
  const state = new ListenerState(listenerConfig('web'));
  assert.equal(state.update(listenerConfig('web')), false);
  assert.equal(state.update(listenerConfig('web', { proxyProtocol: { trusted: ['::1'] } })), false);
  assert.equal(state.update(listenerConfig('web', { trustedProxies: ['::1'] })), true);
  assert.equal(state.update(listenerConfig('web', { trustedProxies: ['::1'] })), false);
  assert.equal(state.facts.trusted?.contains('::1'), true);
  assert.equal(state.update(listenerConfig('web', { trustedProxies: ['::1'], clientCertificates })), true);
});
