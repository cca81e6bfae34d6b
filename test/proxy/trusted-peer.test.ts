/** What a trusted proxy may say about its requests, and what counts as not said. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IpNetworks } from '../../src/model/ip-networks.ts';
import { RequestHead } from '../../src/proxy/http1/request-head.ts';
import { TrustedPeer } from '../../src/proxy/trusted-peer.ts';

const NETWORKS = new IpNetworks(['10.0.0.0/8', '2001:db8:a::/48']);
const OWN = { clientIp: '10.0.0.1', secure: false, port: 8080 };

interface Case {
  readonly name: string;
  readonly fields: readonly string[];
  readonly own?: typeof OWN;
  readonly client?: string;
  readonly secure?: boolean;
  readonly port?: number;
  readonly host?: string;
  /** `X-Forwarded-For` as it goes on. */
  readonly chain?: string;
}

const cases: readonly Case[] = [
  { name: 'nothing is said', fields: [] },
  {
    name: 'the client of a proxy',
    fields: ['X-Forwarded-For: 192.0.2.1'],
    client: '192.0.2.1',
    chain: '192.0.2.1, 10.0.0.1',
  },
  {
    name: 'what a client put there itself is not reached',
    fields: ['X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.2.0.1'],
    client: '192.0.2.1',
    chain: '6.6.6.6, 192.0.2.1, 10.2.0.1, 10.0.0.1',
  },
  {
    name: 'several lines are one list',
    fields: ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 192.0.2.1', 'X-Forwarded-For: 10.2.0.1'],
    client: '192.0.2.1',
    chain: '6.6.6.6, 192.0.2.1, 10.2.0.1, 10.0.0.1',
  },
  {
    name: 'all of them are proxies: the first is the client',
    fields: ['X-Forwarded-For: 10.3.0.1, 10.2.0.1'],
    client: '10.3.0.1',
    chain: '10.3.0.1, 10.2.0.1, 10.0.0.1',
  },
  {
    name: 'what is no address ends the list',
    fields: ['X-Forwarded-For: 192.0.2.1, unknown, 10.2.0.1'],
    client: '10.2.0.1',
    chain: '192.0.2.1, unknown, 10.2.0.1, 10.0.0.1',
  },
  {
    name: 'an octal octet is no address',
    fields: ['X-Forwarded-For: 010.0.0.5'],
    chain: '010.0.0.5, 10.0.0.1',
  },
  {
    name: 'an IPv4-compatible address is not the IPv4 one',
    fields: ['X-Forwarded-For: 6.6.6.6, ::10.0.0.1'],
    client: '::a00:1',
    chain: '6.6.6.6, ::10.0.0.1, 10.0.0.1',
  },
  {
    name: 'IPv6 with a port',
    fields: ['X-Forwarded-For: [2001:DB8::1]:443, 2001:db8:a::1'],
    client: '2001:db8::1',
    chain: '[2001:DB8::1]:443, 2001:db8:a::1, 10.0.0.1',
  },
  {
    name: 'Forwarded where there is no X-Forwarded-For',
    fields: ['Forwarded: for=6.6.6.6, for="[2001:db8::1]";proto=https;host=shop.example'],
    client: '2001:db8::1',
    secure: true,
    port: 443,
    host: 'shop.example',
    chain: '2001:db8::1, 10.0.0.1',
  },
  {
    name: 'Forwarded beside X-Forwarded-For names no client',
    fields: ['Forwarded: for=6.6.6.6', 'X-Forwarded-For: 192.0.2.1'],
    client: '192.0.2.1',
    chain: '192.0.2.1, 10.0.0.1',
  },
  { name: 'X-Real-IP alone', fields: ['X-Real-IP: 192.0.2.9'], client: '192.0.2.9', chain: '192.0.2.9, 10.0.0.1' },
  { name: 'X-Real-IP twice', fields: ['X-Real-IP: 192.0.2.9', 'X-Real-IP: 192.0.2.8'] },
  { name: 'X-Real-IP that is none', fields: ['X-Real-IP: 192.0.2.9:80'] },
  { name: 'a scheme', fields: ['X-Forwarded-Proto: HTTPS'], secure: true, port: 443 },
  {
    name: 'a scheme and a port',
    fields: ['X-Forwarded-Proto: https', 'X-Forwarded-Port: 8443'],
    secure: true,
    port: 8443,
  },
  { name: 'two schemes', fields: ['X-Forwarded-Proto: https, http'] },
  { name: 'a scheme twice', fields: ['X-Forwarded-Proto: https', 'X-Forwarded-Proto: https'] },
  { name: 'another scheme', fields: ['X-Forwarded-Proto: wss'] },
  {
    name: 'clear text in front of our TLS',
    own: { ...OWN, secure: true, port: 8443 },
    fields: ['X-Forwarded-Proto: http'],
    secure: false,
    port: 80,
  },
  { name: 'a port that is none', fields: ['X-Forwarded-Port: 65536'] },
  { name: 'a port with a sign', fields: ['X-Forwarded-Port: +80'] },
  { name: 'a host', fields: ['X-Forwarded-Host: shop.example:8443'], host: 'shop.example:8443' },
  { name: 'two hosts', fields: ['X-Forwarded-Host: evil.example, shop.example'] },
  { name: 'a host that is none', fields: ['X-Forwarded-Host: shop.example/path'] },
  { name: 'an empty host', fields: ['X-Forwarded-Host:'] },
];

for (const { name, fields, own = OWN, client, secure, port, host, chain } of cases) {
  test(`trusted proxy: ${name}`, () => {
    const head = new RequestHead(100, 1_000);
    const text = ['GET / HTTP/1.1', 'Host: inner.example', ...fields, '', ''].join('\r\n');
    assert.equal(head.parse(Buffer.from(text, 'latin1'), 0, text.length, ''), 0);
    const peer = new TrustedPeer(NETWORKS, own);
    peer.read(head);
    const scheme = (secure ?? own.secure) ? 'https' : 'http';
    assert.equal(
      peer.fields,
      [
        `X-Real-IP: ${client ?? own.clientIp}`,
        `X-Forwarded-For: ${chain ?? own.clientIp}`,
        `X-Forwarded-Host: ${host ?? 'inner.example'}`,
        `X-Forwarded-Port: ${port ?? own.port}`,
        `X-Forwarded-Proto: ${scheme}`,
        `X-Forwarded-Scheme: ${scheme}`,
        `X-Scheme: ${scheme}`,
        '',
      ].join('\r\n'),
    );
    assert.equal(peer.clientIp, client ?? own.clientIp);
  });
}

test('nothing of one request is left for the next', () => {
  const head = new RequestHead(100, 1_000);
  const peer = new TrustedPeer(NETWORKS, OWN);
  const read = (...fields: readonly string[]): string => {
    const text = ['GET / HTTP/1.1', 'Host: inner.example', ...fields, '', ''].join('\r\n');
    assert.equal(head.parse(Buffer.from(text, 'latin1'), 0, text.length, ''), 0);
    peer.read(head);
    return peer.fields;
  };
  const plain = read();
  read('X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Proto: https', 'X-Forwarded-Host: a', 'X-Forwarded-Port: 1');
  assert.equal(read(), plain);
});
