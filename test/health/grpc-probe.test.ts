/** gRPC health checks against a real server, and their messages byte by byte. */
import assert from 'node:assert/strict';
import { before, type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import { decodeHealthStatus, encodeHealthRequest } from '../../src/health/grpc-health-message.ts';
import type { HealthCheckConfig } from '../../src/model/health-check.ts';
import type { TransportConfig } from '../../src/model/proxy-config.ts';
import { CertificateAuthority, type TestCertificate } from '../support/certificate-authority.ts';
import { type GrpcHealthOptions, GrpcHealthServer } from '../support/grpc-health.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { probeOnce } from './prober-rig.ts';

let authority: CertificateAuthority;
let served: TestCertificate;

before(async () => {
  authority = await CertificateAuthority.make('authority');
  served = await authority.issue('shop.internal');
});

async function startServer(t: TestContext, options?: GrpcHealthOptions): Promise<GrpcHealthServer> {
  const server = await GrpcHealthServer.start(options);
  t.after(() => server.close());
  return server;
}

function probe(
  port: number,
  check: Partial<HealthCheckConfig> = {},
  transport: Partial<TransportConfig> = {},
): Promise<string> {
  return probeOnce(port, { kind: 'grpc', ...check }, transport);
}

test('only SERVING is a success', async (t: TestContext) => {
  const server = await startServer(t);
  assert.equal(await probe(server.port), '');
  server.answer = Buffer.from([8, 2]);
  assert.equal(await probe(server.port), 'grpc NOT_SERVING');
  server.answer = Buffer.alloc(0);
  assert.equal(await probe(server.port), 'grpc UNKNOWN');
  server.answer = null;
  assert.equal(await probe(server.port), 'grpc NOT_FOUND');
  server.answer = Buffer.from([8]);
  assert.equal(await probe(server.port), 'grpc not a health response');
});

test('the service is asked for by its name', async (t: TestContext) => {
  const server = await startServer(t);
  await probe(server.port);
  await probe(server.port, { service: 'shop.v1.Cart' });
  assert.deepEqual(
    server.requests.map((request) => request.toString('latin1')),
    ['', '\n\x0cshop.v1.Cart'],
  );
});

test('a server without the health service, and one that speaks no HTTP/2, are unhealthy', async (t: TestContext) => {
  const server = await startServer(t, { hasHealth: false });
  assert.equal(await probe(server.port), 'grpc UNIMPLEMENTED');
  const other = await ScriptedUpstream.start(() => ok('fine'), {});
  t.after(() => other.close());
  assert.match(await probe(other.port), /^(?:not an HTTP\/2 response|connection closed)/);
});

test('it is asked over TLS where requests use it, by the name the check says', async (t: TestContext) => {
  const server = await startServer(t, { tls: served });
  const base = { sendServerName: true, verify: true, verifyDepth: 1, clientCertificate: null, ciphers: '' } as const;
  const tls = {
    ...base,
    serverName: '',
    caPem: authority.rootPem,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
  } as const;
  assert.equal(await probe(server.port, { serverName: 'shop.internal' }, { tls }), '');
  assert.equal(await probe(server.port, {}, { tls }), 'tls ERR_TLS_CERT_ALTNAME_INVALID');
  assert.equal(await probe(server.port, { verify: false }, { tls }), '');
});

test('requests are framed as gRPC wants them', () => {
  assert.deepEqual([...encodeHealthRequest('')], [0, 0, 0, 0, 0]);
  assert.deepEqual([...encodeHealthRequest('ab')], [0, 0, 0, 0, 4, 10, 2, 97, 98]);
  const long = encodeHealthRequest('x'.repeat(200));
  assert.deepEqual([...long.subarray(0, 8)], [0, 0, 0, 0, 203, 10, 200, 1]);
});

const answers: readonly (readonly [name: string, bytes: readonly number[], expected: string])[] = [
  ['SERVING', [0, 0, 0, 0, 2, 8, 1], 'SERVING'],
  ['no field at all', [0, 0, 0, 0, 0], 'UNKNOWN'],
  ['SERVICE_UNKNOWN', [0, 0, 0, 0, 2, 8, 3], 'SERVICE_UNKNOWN'],
  ['the last of two values', [0, 0, 0, 0, 4, 8, 1, 8, 2], 'NOT_SERVING'],
  ['a text and a number beside it', [0, 0, 0, 0, 7, 18, 1, 97, 32, 5, 8, 1], 'SERVING'],
  ['fixed numbers beside it', [0, 0, 0, 0, 16, 25, 0, 0, 0, 0, 0, 0, 0, 0, 37, 0, 0, 0, 0, 8, 1], 'SERVING'],
  ['a status that does not exist', [0, 0, 0, 0, 2, 8, 9], 'not a health response'],
  ['a compressed message', [1, 0, 0, 0, 2, 8, 1], 'not a health response'],
  ['a message that is cut', [0, 0, 0, 0, 9, 8, 1], 'not a health response'],
  ['a text longer than the message', [0, 0, 0, 0, 2, 18, 99], 'not a health response'],
  ['nothing', [], 'not a health response'],
];

for (const [name, bytes, expected] of answers) {
  test(`a response with ${name} is ${expected}`, () => {
    assert.equal(decodeHealthStatus(Buffer.from(bytes)), expected);
  });
}

test('no response makes the decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (body) => {
      const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, body.length]), body]);
      assert.equal(typeof decodeHealthStatus(framed), 'string');
    }),
  );
});
