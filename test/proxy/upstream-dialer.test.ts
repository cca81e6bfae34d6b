/** Connections to upstreams over TLS and with a PROXY protocol header: shared where they may be, and never beyond. */
import assert from 'node:assert/strict';
import { before, type TestContext, test } from 'node:test';
import type { TransportConfig } from '../../src/model/proxy-config.ts';
import { PLAIN_TRANSPORT } from '../../src/model/proxy-config.ts';
import { CertificateAuthority, type TestCertificate } from '../support/certificate-authority.ts';
import { Http2Client } from '../support/http2-client.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig, upstreamTls } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, type Script, ScriptedUpstream, type UpstreamOptions } from '../support/scripted-upstream.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

let authority: CertificateAuthority;
let served: TestCertificate;

before(async () => {
  authority = await CertificateAuthority.make('authority');
  served = await authority.issue('shop.internal', '127.0.0.1');
});

interface Rig {
  readonly proxy: InProcessProxy;
  readonly upstream: ScriptedUpstream;
  readonly client: RawClient;
  readonly use: (transport: Partial<TransportConfig>, connectTimeoutMs?: number) => Promise<void>;
  readonly status: () => Promise<number>;
}

async function startRig(t: TestContext, options: UpstreamOptions, script: Script = () => ok('fine')): Promise<Rig> {
  const upstream = await ScriptedUpstream.start(script, options);
  const proxy = new InProcessProxy({});
  const use = (transport: Partial<TransportConfig>, connectTimeoutMs = 60_000): Promise<void> => {
    const route = routeConfig('all', 'shop');
    return proxy.apply({
      upstreams: [{ ...upstreamConfig('shop', upstream.address), ...transport }],
      routes: [{ ...route, policy: { ...route.policy, connectTimeoutMs } }],
    });
  };
  await use(PLAIN_TRANSPORT);
  const client = await RawClient.connect(proxy.port);
  t.after(async () => {
    client.destroy();
    await proxy.close();
    await upstream.close();
  });
  const status = (): Promise<number> => {
    client.write(GET);
    return client.status();
  };
  return { proxy, upstream, client, use, status };
}

function tlsOptions(): UpstreamOptions {
  return { tls: { cert: served.certPem, key: served.keyPem } };
}

test('requests over TLS share connections, and a new connection resumes the session of the last', async (t) => {
  const { upstream, use, status } = await startRig(t, tlsOptions());
  await use({ tls: upstreamTls(authority.rootPem) });
  for (let i = 0; i < 3; i++) assert.equal(await status(), 200);
  const [first] = upstream.connections;
  assert.ok(first !== undefined);
  assert.equal(upstream.connections.length, 1);
  assert.equal(first.tlsSocket.isSessionReused(), false);
  first.socket.destroy();
  await upstream.untilClosed(first);
  assert.equal(await status(), 200);
  assert.equal(upstream.connections.at(-1)?.tlsSocket.isSessionReused(), true);
});

test('a session is not resumed under another identity', async (t) => {
  const { upstream, use, status } = await startRig(t, tlsOptions());
  await use({ tls: upstreamTls(null, { verify: false }) });
  assert.equal(await status(), 200);
  await use({ tls: upstreamTls(authority.rootPem, { serverName: 'other.internal' }) });
  assert.equal(await status(), 502);
  await use({ tls: upstreamTls(authority.rootPem, { serverName: 'shop.internal' }) });
  assert.equal(await status(), 200);
  assert.equal(upstream.connections.at(-1)?.tlsSocket.isSessionReused(), false);
});

test('a change of TLS closes idle connections and lets those under way finish', async (t) => {
  const { proxy, upstream, client, use, status } = await startRig(t, tlsOptions());
  await use({ tls: upstreamTls(authority.rootPem) });
  const endpoint = proxy.live.upstreams.get('shop')?.endpoints[0];
  upstream.script = () => null;
  client.write(GET);
  const { connection } = await upstream.request();
  await use({ tls: upstreamTls(authority.rootPem, { serverName: 'shop.internal' }) });
  assert.equal(proxy.live.upstreams.get('shop')?.endpoints[0], endpoint);
  connection.write(ok('as it began'));
  assert.equal((await client.response()).body.toString(), 'as it began');
  await upstream.untilClosed(connection);
  upstream.script = () => ok('fine');
  assert.equal(await status(), 200);
  const last = upstream.connections.at(-1);
  assert.equal(last?.tlsSocket.servername, 'shop.internal');
  await use({ tls: upstreamTls(authority.rootPem, { serverName: 'shop.internal' }) });
  assert.equal(await status(), 200);
  assert.equal(upstream.connections.at(-1), last);
});

test('late bytes on an idle TLS connection poison it', async (t) => {
  const { proxy, upstream, use, status } = await startRig(t, tlsOptions());
  await use({ tls: upstreamTls(authority.rootPem) });
  assert.equal(await status(), 200);
  const [first] = upstream.connections;
  assert.ok(first !== undefined);
  first.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nevil!!!');
  await upstream.untilClosed(first);
  assert.equal(proxy.live.upstreams.get('shop')?.endpoints[0]?.transport?.idleCount, 0);
  assert.equal(await status(), 200);
  assert.equal(upstream.connections.length, 2);
});

test('large bodies pass both ways over TLS, and a cut one is cut for the client too', async (t) => {
  const size = 3_000_000;
  const { upstream, client, use } = await startRig(t, tlsOptions());
  await use({ tls: upstreamTls(authority.rootPem) });
  const body = Buffer.alloc(size, 'x');
  upstream.script = (request) => {
    assert.equal(request.body.length, size);
    return Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`), body]);
  };
  client.write(`POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${size}\r\n\r\n`);
  client.write(body);
  assert.equal((await client.response()).body.length, size);
  upstream.script = ({ connection }) => {
    connection.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    return null;
  };
  client.write(GET);
  const { text } = await client.remainder();
  assert.match(text, /half$/);
});

/** Sends a body without a length and ends it: by `close_notify`, by a bare FIN, or by a reset. */
async function untilClose(t: TestContext, end: 'announced' | 'bare' | 'reset', size: number): Promise<string> {
  const { upstream, client, use } = await startRig(t, tlsOptions(), ({ connection }) => {
    connection.write('HTTP/1.1 200 OK\r\n\r\n');
    connection.socket.write(Buffer.alloc(size, 'x'), () => {
      if (end === 'announced') connection.socket.end();
      else if (end === 'bare') upstream.endAll();
    });
    return null;
  });
  await use({ tls: upstreamTls(authority.rootPem) });
  // Not read at once: a body larger than all buffers then has the proxy pause and resume.
  client.socket.pause();
  client.write(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  await upstream.request();
  client.socket.resume();
  if (end === 'reset') {
    await client.received(size);
    upstream.resetAll();
  }
  const { text } = await client.remainder();
  // What is cut may lose what was on its way.
  if (end === 'announced') assert.ok(text.length > size);
  return text.slice(-5);
}

for (const size of [10, 5_000_000]) {
  test(`a response of ${size} bytes without a length is complete when TLS ends, and cut when only TCP does`, async (t) => {
    assert.equal(await untilClose(t, 'announced', size), '0\r\n\r\n');
    assert.notEqual(await untilClose(t, 'bare', size), '0\r\n\r\n');
    assert.notEqual(await untilClose(t, 'reset', size), '0\r\n\r\n');
  });
}

test('the connect timeout covers the handshake', async (t) => {
  const { use, status } = await startRig(t, {});
  await use({ tls: upstreamTls(null, { verify: false }) }, 200);
  assert.equal(await status(), 504);
});

test('chains longer than the depth allows are refused', async (t) => {
  const below = await authority.makeIntermediate('first');
  const deep = await (await below.makeIntermediate('second')).issue('127.0.0.1');
  const { proxy, use, status } = await startRig(t, { tls: { cert: deep.certPem, key: deep.keyPem } });
  await use({ tls: upstreamTls(authority.rootPem, { verifyDepth: 2 }) });
  assert.equal(await status(), 200);
  await use({ tls: upstreamTls(authority.rootPem, { verifyDepth: 1 }) });
  assert.equal(await status(), 502);
  const line = proxy.logger.lines.find(({ message }) => message === 'upstream tls failed');
  assert.equal(line?.fields['reason'], 'chain with 2 intermediate certificates; at most 1');
});

test('versions and ciphers are those of the upstream', async (t) => {
  const { upstream, use, status } = await startRig(t, tlsOptions());
  const cipher = (): string => upstream.connections.at(-1)?.tlsSocket.getCipher().name ?? '';
  await use({ tls: upstreamTls(authority.rootPem, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-SHA384' }) });
  assert.equal(await status(), 200);
  assert.equal(cipher(), 'ECDHE-ECDSA-AES256-SHA384');
  await use({ tls: upstreamTls(authority.rootPem, { ciphers: 'ECDHE-ECDSA-AES256-SHA384' }) });
  assert.equal(await status(), 200);
  assert.match(cipher(), /^TLS_/);
});

test('ciphers that do not exist are a failed connection with a reason', async (t) => {
  const { proxy, use, status } = await startRig(t, tlsOptions());
  await use({ tls: upstreamTls(authority.rootPem, { ciphers: 'NO-SUCH' }) });
  assert.equal(await status(), 502);
  assert.match(String(proxy.logger.lines.at(-1)?.fields['reason']), /cipher/i);
});

test('failed handshakes are logged once, not for each request', async (t) => {
  const { proxy, use, status } = await startRig(t, tlsOptions());
  await use({ tls: upstreamTls(authority.rootPem, { serverName: 'other.internal' }) });
  for (let i = 0; i < 5; i++) assert.equal(await status(), 502);
  assert.equal(proxy.logger.messages().filter((message) => message === 'upstream tls failed').length, 1);
});

test('an endpoint that is not there is no failure of TLS', async (t) => {
  const { proxy, upstream, use, status } = await startRig(t, tlsOptions());
  await use({ tls: upstreamTls(authority.rootPem) });
  await upstream.close();
  assert.equal(await status(), 502);
  assert.ok(!proxy.logger.messages().includes('upstream tls failed'));
});

for (const version of ['v1', 'v2'] as const) {
  for (const encrypted of [false, true]) {
    const name = encrypted ? 'in front of TLS' : 'in the clear';
    test(`a PROXY ${version} header ${name} names the client, and its connection serves one request`, async (t) => {
      const options = encrypted ? tlsOptions() : {};
      const { upstream, client, use, status } = await startRig(t, { ...options, proxyHeader: true });
      await use({ sendProxyProtocol: version, tls: encrypted ? upstreamTls(authority.rootPem) : null });
      for (let i = 0; i < 2; i++) assert.equal(await status(), 200);
      assert.equal(upstream.connections.length, 2);
      const { localPort = 0, remotePort = 0 } = client.socket;
      for (const { proxyHeader, turns } of upstream.connections) {
        assert.equal(turns, 1);
        if (version === 'v1') {
          assert.equal(proxyHeader.toString(), `PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${remotePort}\r\n`);
        } else {
          assert.equal(proxyHeader.length, 28);
          assert.equal(proxyHeader.readUInt16BE(24), localPort);
          assert.equal(proxyHeader.readUInt16BE(26), remotePort);
        }
      }
      for (const connection of upstream.connections) await upstream.untilClosed(connection);
    });
  }
}

test('a PROXY header names the client of an HTTP/2 stream as well', async (t) => {
  const { proxy, upstream, use } = await startRig(t, { proxyHeader: true });
  await use({ sendProxyProtocol: 'v1' });
  const client = await Http2Client.connect(`http://127.0.0.1:${proxy.port}`);
  t.after(() => client.destroy());
  assert.equal(await (await client.get('/')).status(), 200);
  const { connection } = await upstream.request();
  const port = client.session.socket.localPort;
  assert.equal(connection.proxyHeader.toString(), `PROXY TCP4 127.0.0.1 127.0.0.1 ${port} ${proxy.port}\r\n`);
});
