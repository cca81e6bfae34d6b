/** HTTP/2 to back ends over TLS: chosen by ALPN or not spoken at all; and behind a PROXY protocol header. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import type { UpstreamConfig } from '../../src/model/proxy-config.ts';
import { CertificateAuthority } from '../support/certificate-authority.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { routeConfig, upstreamConfig, upstreamTls } from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';

async function start(t: TestContext, port: number, part: Partial<UpstreamConfig>): Promise<InProcessProxy> {
  const proxy = new InProcessProxy({});
  t.after(() => proxy.close());
  await proxy.apply({
    upstreams: [{ ...upstreamConfig('a', `127.0.0.1:${port}`), protocol: 'http2', ...part }],
    routes: [routeConfig('r', 'a')],
  });
  return proxy;
}

async function get(t: TestContext, proxy: InProcessProxy): Promise<string> {
  const client = await RawClient.connect(proxy.port);
  t.after(() => client.destroy());
  client.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
  const { startLine, body } = await client.response();
  return `${startLine.slice(9, 12)} ${body.toString()}`;
}

test('over TLS the scheme is https, and requests share one handshake', async (t) => {
  const authority = await CertificateAuthority.make('authority');
  const { certPem, keyPem } = await authority.issue('127.0.0.1');
  const server = http2.createSecureServer({ cert: certPem, key: keyPem });
  t.after(() => server.close());
  let handshakes = 0;
  server.on('secureConnection', () => handshakes++);
  server.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
    stream.respond({ ':status': 200 });
    stream.end(String(headers[':scheme']));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const proxy = await start(t, port, { tls: upstreamTls(authority.rootPem) });
  for (let time = 0; time < 3; time++) assert.equal(await get(t, proxy), '200 https');
  assert.equal(handshakes, 1);
  await proxy.close();
});

test('an endpoint that does not choose h2 is not spoken to in HTTP/2, nor in anything else', async (t) => {
  const authority = await CertificateAuthority.make('authority');
  const { certPem, keyPem } = await authority.issue('127.0.0.1');
  const upstream = await ScriptedUpstream.start(() => ok('fine'), {
    tls: { cert: certPem, key: keyPem, ALPNProtocols: ['http/1.1'] },
  });
  t.after(() => upstream.close());
  const proxy = await start(t, upstream.port, { tls: upstreamTls(authority.rootPem) });
  assert.match(await get(t, proxy), /^502 /);
  assert.equal(upstream.requests.length, 0);
});

test('an endpoint that is not there is 502', async (t) => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  assert.match(await get(t, await start(t, port, {})), /^502 /);
});

test('behind a PROXY protocol header each request has a connection of its own', async (t) => {
  const upstream = await ProxiedServer.start(t);
  const proxy = await start(t, upstream.port, { sendProxyProtocol: 'v1' });
  assert.equal(await get(t, proxy), '200 fine');
  assert.equal(await get(t, proxy), '200 fine');
  assert.equal(upstream.headers.length, 2);
  for (const header of upstream.headers) assert.match(header, /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+$/);
});

/** Takes the line off each connection and gives the rest to `node:http2`. */
class ProxiedServer {
  readonly headers: string[];
  port: number;

  private constructor() {
    this.headers = [];
    this.port = 0;
  }

  static async start(t: TestContext): Promise<ProxiedServer> {
    const proxied = new ProxiedServer();
    const inner = http2.createServer();
    inner.on('stream', (stream: http2.ServerHttp2Stream) => {
      stream.respond({ ':status': 200 });
      stream.end('fine');
    });
    const outer = net.createServer((socket) => {
      socket.once('readable', () => {
        const bytes = (socket.read() as Buffer | null) ?? Buffer.alloc(0);
        const end = bytes.indexOf('\r\n') + 2;
        proxied.headers.push(bytes.toString('latin1', 0, end - 2));
        if (end < bytes.length) socket.unshift(bytes.subarray(end));
        inner.emit('connection', socket);
      });
    });
    t.after(() => outer.close());
    outer.listen(0, '127.0.0.1');
    await once(outer, 'listening');
    proxied.port = (outer.address() as net.AddressInfo).port;
    return proxied;
  }
}
