/** Probes go over connections like those of requests: TLS with the same demands, PROXY headers of our own, HTTP/2. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import type net from 'node:net';
import { before, type TestContext, test } from 'node:test';
import type { HealthCheckConfig } from '../../src/model/health-check.ts';
import type { TransportConfig } from '../../src/model/proxy-config.ts';
import { CertificateAuthority, type TestCertificate } from '../support/certificate-authority.ts';
import { upstreamTls } from '../support/proxy-config.ts';
import { ok, ScriptedUpstream, type UpstreamOptions } from '../support/scripted-upstream.ts';
import { probeOnce } from './prober-rig.ts';

let authority: CertificateAuthority;
let served: TestCertificate;

before(async () => {
  authority = await CertificateAuthority.make('authority');
  served = await authority.issue('shop.internal', '127.0.0.1');
});

/** The reason of one probe; empty = healthy. */
function probe(
  port: number,
  transport: Partial<TransportConfig>,
  check: Partial<HealthCheckConfig> = {},
): Promise<string> {
  return probeOnce(port, { path: '/healthz', ...check }, transport);
}

async function startUpstream(t: TestContext, options: UpstreamOptions): Promise<ScriptedUpstream> {
  const upstream = await ScriptedUpstream.start(() => ok('fine'), options);
  t.after(() => upstream.close());
  return upstream;
}

test('a probe over TLS trusts, sends and shows what requests do', async (t) => {
  const options = { cert: served.certPem, key: served.keyPem, requestCert: true, ca: authority.rootPem };
  const upstream = await startUpstream(t, { tls: options });
  const pair = await authority.issue('sluice.internal');
  const clientCertificate = { ...pair, fingerprint: '', dnsNames: [], notAfter: 0 };
  const tls = upstreamTls(authority.rootPem, { serverName: 'shop.internal', clientCertificate });
  assert.equal(await probe(upstream.port, { tls }), '');
  const { connection } = await upstream.request();
  assert.equal(connection.tlsSocket.servername, 'shop.internal');
  assert.equal(connection.tlsSocket.getPeerCertificate().subject.CN, 'sluice.internal');
});

test('an endpoint that requests would not trust is unhealthy', async (t) => {
  const upstream = await startUpstream(t, { tls: { cert: served.certPem, key: served.keyPem } });
  const wrongName = upstreamTls(authority.rootPem, { serverName: 'other.internal' });
  assert.equal(await probe(upstream.port, { tls: wrongName }), 'tls ERR_TLS_CERT_ALTNAME_INVALID');
  assert.match(await probe(upstream.port, { tls: upstreamTls(null) }), /UNABLE_TO/);
  assert.equal(await probe(upstream.port, { tls: upstreamTls(null, { verify: false }) }), '');
  assert.equal(upstream.requests.length, 1);
});

for (const [version, encrypted] of [
  ['v1', false],
  ['v2', false],
  ['v1', true],
] as const) {
  test(`a PROXY ${version} header of a probe ${encrypted ? 'over TLS ' : ''}names nobody`, async (t) => {
    const tls = { cert: served.certPem, key: served.keyPem };
    const upstream = await startUpstream(t, { proxyHeader: true, ...(encrypted ? { tls } : {}) });
    const transport = { sendProxyProtocol: version, tls: encrypted ? upstreamTls(authority.rootPem) : null };
    assert.equal(await probe(upstream.port, transport), '');
    const { connection } = await upstream.request();
    if (version === 'v1') assert.equal(connection.proxyHeader.toString(), 'PROXY UNKNOWN\r\n');
    else assert.equal(connection.proxyHeader.toString('hex').slice(24), '20000000');
  });
}

for (const encrypted of [false, true]) {
  test(`a probe of an HTTP/2 upstream speaks HTTP/2 ${encrypted ? 'over TLS' : 'in the clear'}`, async (t) => {
    const server = encrypted
      ? http2.createSecureServer({ cert: served.certPem, key: served.keyPem })
      : http2.createServer();
    const asked: string[] = [];
    server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
      asked.push(`${headers[':scheme']} ${headers[':path']}`);
      stream.respond({ ':status': asked.length === 1 ? 200 : 503 });
      stream.end('fine');
    });
    t.after(() => server.close());
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as net.AddressInfo;
    const transport = { protocol: 'http2' as const, tls: encrypted ? upstreamTls(authority.rootPem) : null };
    assert.equal(await probe(port, transport), '');
    assert.equal(await probe(port, transport), 'status 503');
    assert.equal(asked[0], `${encrypted ? 'https' : 'http'} /healthz`);
  });
}

test('an endpoint that does not choose h2 is unhealthy for an HTTP/2 upstream', async (t) => {
  const upstream = await startUpstream(t, { tls: { cert: served.certPem, key: served.keyPem } });
  const reason = await probe(upstream.port, { protocol: 'http2', tls: upstreamTls(authority.rootPem) });
  assert.notEqual(reason, '');
});
