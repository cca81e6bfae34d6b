/** What a check may ask of an HTTP endpoint, and how the answer is judged. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { before, type TestContext, test } from 'node:test';
import type { HealthCheckConfig } from '../../src/model/health-check.ts';
import { CertificateAuthority, type TestCertificate } from '../support/certificate-authority.ts';
import { upstreamTls } from '../support/proxy-config.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { type Backend, portOf, probeOnce, startBackend } from './prober-rig.ts';

let authority: CertificateAuthority;
let served: TestCertificate;

before(async () => {
  authority = await CertificateAuthority.make('authority');
  served = await authority.issue('shop.internal');
});

function answerWith(backend: Backend, status: number, body: string): void {
  backend.answer = (_request, response) => response.writeHead(status).end(body);
}

test('method, host and headers are sent as asked', async (t: TestContext) => {
  const backend = await startBackend(t);
  const headers = [
    { name: 'x-probe', value: 'a b' },
    { name: 'user-agent', value: 'mine' },
  ];
  assert.equal(await probeOnce(backend.port, { method: 'POST', path: '/x?y=1', host: 'shop.example:81', headers }), '');
  const [request] = backend.requests;
  assert.deepEqual([request?.method, request?.url, request?.headers.host], ['POST', '/x?y=1', 'shop.example:81']);
  assert.deepEqual([request?.headers['x-probe'], request?.headers['user-agent']], ['a b', 'mine']);
  assert.equal(request?.headers['content-length'], '0');
});

test('the answer to a HEAD has no body, whatever its length says', async (t: TestContext) => {
  const backend = await startBackend(t);
  backend.answer = (_request, response) => response.writeHead(200, { 'content-length': '5' }).end();
  assert.equal(await probeOnce(backend.port, { method: 'HEAD' }), '');
});

test('only the statuses asked for are a success', async (t: TestContext) => {
  const backend = await startBackend(t);
  const statuses = [
    { from: 200, to: 299 },
    { from: 404, to: 404 },
  ];
  for (const [status, reason] of [
    [204, ''],
    [404, ''],
    [302, 'status 302'],
    [405, 'status 405'],
  ] as const) {
    answerWith(backend, status, '');
    assert.equal(await probeOnce(backend.port, { statuses }), reason);
  }
});

const bodies: readonly {
  readonly name: string;
  readonly body: HealthCheckConfig['body'];
  readonly answer: string;
  readonly found: boolean;
}[] = [
  { name: 'a text in the middle', body: { kind: 'text', value: '"UP"' }, answer: '{"status":"UP"}', found: true },
  { name: 'a text that is not there', body: { kind: 'text', value: 'UP' }, answer: '{"status":"DOWN"}', found: false },
  { name: 'a text beyond ASCII', body: { kind: 'text', value: 'läuft' }, answer: 'es läuft', found: true },
  { name: 'a pattern', body: { kind: 'pattern', value: '^(UP|OK)$' }, answer: 'OK', found: true },
  {
    name: 'a pattern that does not match',
    body: { kind: 'pattern', value: '^(UP|OK)$' },
    answer: 'OKAY',
    found: false,
  },
  {
    name: 'a text in the last of 64 KiB',
    body: { kind: 'text', value: 'UP' },
    answer: `${'x'.repeat(65_534)}UP`,
    found: true,
  },
  {
    name: 'a text behind 64 KiB',
    body: { kind: 'text', value: 'UP' },
    answer: `${'x'.repeat(65_535)}UP`,
    found: false,
  },
];

for (const c of bodies) {
  for (const framing of ['length', 'chunked'] as const) {
    test(`${c.name} is ${c.found ? '' : 'not '}found in a body by ${framing}`, async (t: TestContext) => {
      const backend = await startBackend(t);
      backend.answer = (_request, response): void => {
        if (framing === 'chunked') response.write(c.answer.slice(0, 3));
        response.end(framing === 'chunked' ? c.answer.slice(3) : c.answer);
      };
      assert.equal(await probeOnce(backend.port, { body: c.body }), c.found ? '' : 'body without the expected text');
    });
  }
}

test('a body that ends with its connection is read to the end', async (t: TestContext) => {
  const server = createServer((socket) => {
    socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\n\r\nall is UP'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  assert.equal(await probeOnce(portOf(server), { body: { kind: 'text', value: 'is UP' } }), '');
});

test('a check of connections says nothing on them', async () => {
  const received: Buffer[] = [];
  const server = createServer((socket) => socket.on('data', (chunk: Buffer) => received.push(chunk)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  const accepted = once(server, 'connection');
  const tls = upstreamTls(authority.rootPem);
  assert.equal(await probeOnce(port, { kind: 'tcp' }, { protocol: 'http2', tls }), '');
  await accepted;
  const closed = once(server, 'close');
  server.close();
  await closed;
  assert.deepEqual(received, []);
  assert.equal(await probeOnce(port, { kind: 'tcp' }), 'connect ECONNREFUSED');
});

test('`https` speaks TLS where requests do not, without checking whom it speaks to unless asked', async (t: TestContext) => {
  const upstream = await ScriptedUpstream.start(() => ok('fine'), {
    tls: { cert: served.certPem, key: served.keyPem },
  });
  t.after(() => upstream.close());
  assert.equal(await probeOnce(upstream.port, { tls: true }), '');
  assert.match(await probeOnce(upstream.port, { tls: true, verify: true }), /UNABLE_TO_VERIFY/);
  const transport = { protocol: 'http2', tls: upstreamTls(authority.rootPem) } as const;
  assert.equal(await probeOnce(upstream.port, { tls: true, serverName: 'shop.internal' }, transport), '');
  assert.equal(
    await probeOnce(upstream.port, { tls: false }, transport),
    'connection closed before the end of the response',
  );
});
