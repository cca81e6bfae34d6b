/** Certificates of clients: who is asked, what requests get without a good one, and what neither names nor sessions get around. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import type { ClientCertificateRule } from '../../src/model/proxy-config.ts';
import { parseClientCa } from '../../src/watch/client-ca.ts';
import { CertificateAuthority, type TestCertificate } from '../support/certificate-authority.ts';
import { Http2Client } from '../support/http2-client.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { certificateConfig, listenerConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { type TlsVersion, type TlsVisit, visit } from '../support/tls-client.ts';
import { SHOP_CERT, SHOP_KEY } from '../watch/key-pair-fixtures.ts';

const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];
const CERTIFICATE = certificateConfig('c', { certPem: SHOP_CERT, keyPem: SHOP_KEY }, { isDefault: true });
const DAY_MS = 86_400_000;

let upstream: ScriptedUpstream;
let authority: CertificateAuthority;
let stranger: CertificateAuthority;
let alice: TestCertificate;
let mallory: TestCertificate;
let expired: TestCertificate;
let serverOnly: TestCertificate;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
  authority = await CertificateAuthority.make('Good authority');
  stranger = await CertificateAuthority.make('Other authority');
  alice = await authority.issueFor('clientAuth', 'Alice Ünicode');
  mallory = await stranger.issueFor('clientAuth', 'Mallory');
  const validity = { notBeforeDate: new Date(Date.now() - 3 * DAY_MS), notAfterDate: new Date(Date.now() - DAY_MS) };
  expired = await authority.issueFor('clientAuth', 'Late', validity);
  serverOnly = await authority.issueFor('serverAuth', 'server.example');
});

after(() => upstream.close());

beforeEach(() => upstream.forget());

function rule(part: Partial<ClientCertificateRule>, signer: CertificateAuthority = authority): ClientCertificateRule {
  const parsed = parseClientCa(signer.rootPem);
  assert.ok('ca' in parsed);
  return { hosts: [''], mode: 'require', ca: parsed.ca, forwardCertificate: false, ...part };
}

function parts(rules: readonly ClientCertificateRule[]): Parameters<InProcessProxy['apply']>[0] {
  return {
    listeners: [
      listenerConfig('websecure', { protocol: 'https', clientCertificates: rules }),
      listenerConfig('other', { protocol: 'https' }),
    ],
    certificates: [CERTIFICATE],
    upstreams: [upstreamConfig('a', upstream.address)],
    routes: [routeConfig('r', 'a')],
  };
}

async function start(t: TestContext, ...rules: readonly ClientCertificateRule[]): Promise<InProcessProxy> {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  proxy.server.useTicketKeys(Buffer.alloc(48, 7));
  await proxy.apply(parts(rules));
  return proxy;
}

interface Visitor {
  readonly servername: string;
  readonly host?: string;
  readonly pair?: TestCertificate | undefined;
  readonly version?: TlsVersion;
  readonly session?: Buffer;
}

/** One request on a connection of its own. */
function visitAs(port: number, { servername, host = servername, pair, version, session }: Visitor): Promise<TlsVisit> {
  const options = {
    servername,
    ...(pair === undefined ? {} : { cert: pair.certPem, key: pair.keyPem }),
    ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
    ...(session === undefined ? {} : { session }),
  };
  return visit(port, options, host);
}

interface Case {
  readonly name: string;
  readonly pair: () => TestCertificate | undefined;
  readonly required: number;
  readonly requested: number;
  readonly verdict: RegExp;
}

const cases: readonly Case[] = [
  { name: 'a good certificate', pair: () => alice, required: 200, requested: 200, verdict: /^SUCCESS$/ },
  { name: 'no certificate', pair: () => undefined, required: 400, requested: 200, verdict: /^NONE$/ },
  { name: 'one signed by somebody else', pair: () => mallory, required: 400, requested: 400, verdict: /^/ },
  { name: 'an expired one', pair: () => expired, required: 400, requested: 400, verdict: /^/ },
  { name: 'one that is good for servers only', pair: () => serverOnly, required: 400, requested: 400, verdict: /^/ },
];

for (const version of VERSIONS) {
  for (const { name, pair, required, requested, verdict } of cases) {
    for (const mode of ['require', 'request'] as const) {
      const status = mode === 'require' ? required : requested;
      test(`${version}, ${mode}: ${name} is ${status}`, async (t) => {
        const proxy = await start(t, rule({ mode }));
        const response = await visitAs(proxy.port, { servername: 'shop.example', pair: pair(), version });
        assert.equal(response.status, status);
        if (status === 200) assert.match((await upstream.request()).field('ssl-client-verify') ?? '', verdict);
        else {
          assert.match(
            response.body,
            pair() === undefined ? /No required SSL certificate was sent/ : /SSL certificate error/,
          );
          assert.equal(upstream.requests.length, 0);
        }
      });
    }
  }

  test(`${version}: a session made without a certificate is good for none later`, async (t) => {
    const proxy = await start(t, rule({ mode: 'require' }));
    const first = await visitAs(proxy.port, { servername: 'shop.example', version });
    assert.equal(first.status, 400);
    const again = await visitAs(proxy.port, { servername: 'shop.example', version, session: first.session });
    assert.deepEqual([again.status, again.reused], [400, true]);
    assert.equal(upstream.requests.length, 0);
  });

  test(`${version}: a resumed session still has its certificate, without sending it again`, async (t) => {
    const proxy = await start(t, rule({ hosts: ['shop.example'] }));
    const first = await visitAs(proxy.port, { servername: 'shop.example', pair: alice, version });
    const again = await visitAs(proxy.port, { servername: 'shop.example', version, session: first.session });
    assert.deepEqual([first.status, again.status, again.reused], [200, 200, true]);
    assert.equal((await upstream.request(2)).field('ssl-client-verify'), 'SUCCESS');
  });

  test(`${version}: a session whose certificate was refused stays refused`, async (t) => {
    const proxy = await start(t, rule({}));
    const first = await visitAs(proxy.port, { servername: 'shop.example', pair: mallory, version });
    const again = await visitAs(proxy.port, { servername: 'shop.example', version, session: first.session });
    assert.deepEqual([first.status, again.status], [400, 400]);
  });

  test(`${version}: a session of a host that asks nobody does not open one that does`, async (t) => {
    const proxy = await start(t, rule({ hosts: ['secure.example'] }));
    const first = await visitAs(proxy.port, { servername: 'open.example', pair: mallory, version });
    assert.equal(first.status, 200);
    const session = first.session;
    for (const servername of ['secure.example', 'open.example', '']) {
      const again = await visitAs(proxy.port, { servername, host: 'secure.example', version, session });
      assert.ok(again.status === 400 || again.status === 421, `${again.status}`);
    }
    assert.equal(upstream.requests.length, 1);
  });

  test(`${version}: a session made without a name does not open a host that asks`, async (t) => {
    const proxy = await start(t, rule({ hosts: ['secure.example'] }));
    const first = await visitAs(proxy.port, { servername: '', host: 'open.example', pair: mallory, version });
    assert.equal(first.status, 200);
    const again = await visitAs(proxy.port, { servername: 'secure.example', version, session: first.session });
    assert.ok(again.status === 400 || again.status === 421, `${again.status}`);
  });

  test(`${version}: sessions are not taken over from a listener that asks nobody, nor after the authority changed`, async (t) => {
    const proxy = await start(t, rule({}));
    const [own, other] = proxy.server.ports.map(({ port }) => port) as [number, number];
    const elsewhere = await visitAs(other, { servername: 'shop.example', version });
    assert.equal(elsewhere.status, 200);
    const moved = await visitAs(own, { servername: 'shop.example', version, session: elsewhere.session });
    assert.deepEqual([moved.status, moved.reused], [400, false]);
    const good = await visitAs(own, { servername: 'shop.example', pair: alice, version });
    assert.equal(good.status, 200);
    await proxy.apply(parts([rule({}, stranger)]));
    const later = await visitAs(own, { servername: 'shop.example', pair: alice, version, session: good.session });
    assert.deepEqual([later.status, later.reused], [400, false]);
    assert.equal((await visitAs(own, { servername: 'shop.example', pair: mallory, version })).status, 200);
  });

  test(`${version}: with several authorities on a listener nothing is resumed, and each is asked for its own hosts`, async (t) => {
    const proxy = await start(t, rule({ hosts: ['a.example'] }), rule({ hosts: ['b.example'] }, stranger));
    const good = await visitAs(proxy.port, { servername: 'a.example', pair: alice, version });
    assert.equal(good.status, 200);
    const session = good.session.length > 0 ? { session: good.session } : {};
    const crossed = await visitAs(proxy.port, { servername: 'b.example', version, ...session });
    assert.deepEqual([crossed.status, crossed.reused], [400, false]);
    assert.equal((await visitAs(proxy.port, { servername: 'b.example', pair: alice, version })).status, 400);
    assert.equal((await visitAs(proxy.port, { servername: 'b.example', pair: mallory, version })).status, 200);
    const misdirected = { servername: 'a.example', host: 'b.example', pair: alice, version };
    assert.equal((await visitAs(proxy.port, misdirected)).status, 421);
  });
}

test('only hosts with a rule ask for a certificate', async (t) => {
  const proxy = await start(t, rule({ hosts: ['secure.example', '*.secure.example'], mode: 'request' }));
  for (const [servername, asks] of [
    ['secure.example', true],
    ['SECURE.example', true],
    ['a.secure.example', true],
    ['a.b.secure.example', false],
    ['open.example', false],
  ] as const) {
    const response = await visitAs(proxy.port, { servername, pair: alice });
    assert.equal(response.status, 200);
    const request = await upstream.request();
    assert.equal(request.field('ssl-client-verify'), asks ? 'SUCCESS' : null, servername);
    upstream.forget();
  }
});

test('upstreams are told who the client is, and never by the client itself', async (t) => {
  const proxy = await start(t, rule({ hosts: ['secure.example'], forwardCertificate: true }));
  const lies = [
    'ssl-client-verify: SUCCESS',
    'SSL-Client-Subject-DN: CN=root',
    'ssl_client_verify: SUCCESS',
    'Ssl-Client-Issuer-Dn: CN=root',
    'ssl-client-cert: x',
  ].join('\r\n');
  for (const servername of ['secure.example', 'open.example']) {
    const client = await RawClient.connectTls(proxy.port, { servername, cert: alice.certPem, key: alice.keyPem });
    client.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\n${lies}\r\n\r\n`);
    assert.equal(await client.status(), 200);
    client.destroy();
  }
  const [secure, open] = upstream.requests;
  const told = (secure?.fields ?? [])
    .filter(([name]) => /^ssl.client/i.test(name))
    .map(([name, value]) => [name, value]);
  assert.deepEqual(told, [
    ['ssl-client-verify', 'SUCCESS'],
    ['ssl-client-subject-dn', 'O=Sluice tests,CN=Alice \\C3\\9Cnicode'],
    ['ssl-client-issuer-dn', 'CN=Good authority'],
    ['ssl-client-cert', encodeURIComponent(`${alice.certPem.trim()}\n`)],
  ]);
  assert.deepEqual(
    (open?.fields ?? []).filter(([name]) => /^ssl.client/i.test(name)),
    [],
  );
});

interface Misdirection {
  readonly name: string;
  readonly servername: string;
  readonly host: string;
  readonly status: number;
}

const misdirections: readonly Misdirection[] = [
  { name: 'the host of the name', servername: 'secure.example', host: 'secure.example', status: 200 },
  { name: 'with a port and in capitals', servername: 'secure.example', host: 'SECURE.example:443', status: 200 },
  { name: 'another host of the rule', servername: 'secure.example', host: 'other.example', status: 200 },
  { name: 'a host without a rule', servername: 'secure.example', host: 'open.example', status: 421 },
  { name: 'a host with a rule on a name without', servername: 'open.example', host: 'secure.example', status: 421 },
  { name: 'a host with a rule and no name', servername: '', host: 'secure.example', status: 421 },
  { name: 'hosts and names without rules', servername: 'open.example', host: 'open2.example', status: 200 },
];

for (const { name, servername, host, status } of misdirections) {
  test(`HTTP/1.1 and HTTP/2: ${name} is ${status}`, async (t) => {
    const proxy = await start(t, rule({ hosts: ['secure.example', 'other.example'] }));
    assert.equal((await visitAs(proxy.port, { servername, host, pair: alice })).status, status);
    const pair = { cert: alice.certPem, key: alice.keyPem };
    const client = await Http2Client.connect(`https://127.0.0.1:${proxy.port}`, { servername, ...pair });
    t.after(() => client.destroy());
    assert.equal(Number((await client.get('/', { ':authority': host })).field(':status')), status);
    // The connection goes on: a browser that joined two hosts on it loses one of them only.
    const own = servername === '' ? 'open.example' : servername;
    assert.equal(Number((await client.get('/', { ':authority': own })).field(':status')), 200);
  });
}

test('HTTP/2: a request without a certificate is 400, and one with it is told upstream', async (t) => {
  const proxy = await start(t, rule({}));
  const authorityOf = { ':authority': 'shop.example' };
  const without = await Http2Client.connect(`https://127.0.0.1:${proxy.port}`, { servername: 'shop.example' });
  t.after(() => without.destroy());
  assert.equal(Number((await without.get('/', authorityOf)).field(':status')), 400);
  const pair = { cert: alice.certPem, key: alice.keyPem };
  const client = await Http2Client.connect(`https://127.0.0.1:${proxy.port}`, { servername: 'shop.example', ...pair });
  t.after(() => client.destroy());
  assert.equal(Number((await client.get('/', authorityOf)).field(':status')), 200);
  assert.equal((await upstream.request()).field('ssl-client-verify'), 'SUCCESS');
});

test('rules that come, change and go reach connections that are open, and close none', async (t) => {
  const proxy = await start(t);
  const client = await RawClient.connectTls(proxy.port, {
    servername: 'shop.example',
    cert: alice.certPem,
    key: alice.keyPem,
  });
  t.after(() => client.destroy());
  const ask = async (): Promise<number> => {
    client.write('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n');
    return client.status();
  };
  assert.equal(await ask(), 200);
  await proxy.apply(parts([rule({})]));
  assert.equal(await ask(), 421);
  await proxy.apply(parts([]));
  assert.equal(await ask(), 200);
});

test('a rule that forwards the certificate does so on connections that are open', async (t) => {
  const proxy = await start(t, rule({}));
  const client = await RawClient.connectTls(proxy.port, {
    servername: 'shop.example',
    cert: alice.certPem,
    key: alice.keyPem,
  });
  t.after(() => client.destroy());
  for (const forwardCertificate of [false, true]) {
    await proxy.apply(parts([rule({ forwardCertificate })]));
    client.write('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n');
    assert.equal(await client.status(), 200);
  }
  assert.deepEqual(
    upstream.requests.map((request) => request.field('ssl-client-cert') !== null),
    [false, true],
  );
});
