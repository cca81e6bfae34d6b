/** Which rule governs a host, and what rules of one listener have in common. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildClientCertificates, ClientCertificateRules } from '../../src/live/client-certificates.ts';
import type { ClientCertificateRule } from '../../src/model/proxy-config.ts';
import { listenerConfig } from '../support/proxy-config.ts';

function rule(ca: string, ...hosts: readonly string[]): ClientCertificateRule {
  return { hosts, mode: 'require', ca: { pem: ca, fingerprint: ca }, forwardCertificate: false };
}

test('the exact host comes before a wildcard, and that before all hosts', () => {
  const rules = new ClientCertificateRules([
    rule('any', ''),
    rule('wild', '*.a.example'),
    rule('exact', 'b.a.example'),
  ]);
  const caOf = (host: string): string | undefined => rules.ruleFor(host)?.ca.fingerprint;
  assert.deepEqual(['b.a.example', 'c.a.example', 'd.c.a.example', 'a.example', ''].map(caOf), [
    'exact',
    'wild',
    'any',
    'any',
    'any',
  ]);
});

test('a host no rule names has none', () => {
  const rules = new ClientCertificateRules([rule('x', 'a.example')]);
  assert.deepEqual(
    ['b.example', 'a.example.com', '', '__proto__'].map((host) => rules.ruleFor(host)),
    [null, null, null, null],
  );
});

test('only rules with one authority have a sole one', () => {
  assert.equal(new ClientCertificateRules([rule('x', 'a'), rule('x', 'b')]).soleCa?.fingerprint, 'x');
  assert.equal(new ClientCertificateRules([rule('x', 'a'), rule('y', 'b')]).soleCa, null);
});

function keyOf(...rules: readonly ClientCertificateRule[]): string {
  return new ClientCertificateRules(rules).key;
}

test('the key tells rules apart, and knows them again', () => {
  assert.equal(keyOf(rule('x', 'a')), keyOf(rule('x', 'a')));
  const all = [
    keyOf(rule('x', 'a')),
    keyOf(rule('y', 'a')),
    keyOf(rule('x', 'b')),
    keyOf({ ...rule('x', 'a'), mode: 'request' }),
    keyOf({ ...rule('x', 'a'), forwardCertificate: true }),
    keyOf(rule('x', 'a'), rule('x', 'b')),
  ];
  assert.equal(new Set(all).size, all.length);
});

test('without any rule there is nothing to ask', () => {
  assert.equal(buildClientCertificates([listenerConfig('a'), listenerConfig('b')]), null);
  const some = buildClientCertificates([
    listenerConfig('a'),
    listenerConfig('b', { clientCertificates: [rule('x', '')] }),
  ]);
  assert.deepEqual([...(some?.keys() ?? [])], ['b']);
});
