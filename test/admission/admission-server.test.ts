/** The HTTPS port of the webhook: its limits, its certificate, and what does not reach the webhook. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as startRequest } from 'node:https';
import { after, before, test } from 'node:test';
import { AdmissionServer } from '../../src/admission/admission-server.ts';
import type { AdmissionWebhook } from '../../src/admission/admission-webhook.ts';
import type { ReviewResponse } from '../../src/admission/review-response.ts';
import { parseKeyPair } from '../../src/watch/key-pair.ts';
import { admissionReview, webhookWith } from '../support/admission-review.ts';
import { CertificateAuthority, type TestCertificate } from '../support/certificate-authority.ts';
import { service, snapshot } from '../support/fixtures.ts';
import { rawIngress } from '../support/kubernetes-objects.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

let authority: CertificateAuthority;
let webhook: AdmissionWebhook;
let server: AdmissionServer;
let port: number;
const logger = new RecordingLogger();

function useKeyPair({ certPem, keyPem }: TestCertificate): void {
  const parsed = parseKeyPair(certPem, keyPem);
  assert.ok('keyPair' in parsed);
  server.useKeyPair(parsed.keyPair);
}

before(async () => {
  authority = await CertificateAuthority.make('webhook authority');
  webhook = webhookWith(null);
  server = new AdmissionServer({ bind: '127.0.0.1', port: 0, reusePort: false, logger, webhook });
  port = await server.listen();
});

after(() => server.close());

interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly serial: string;
}

/** A new connection for each. */
async function send({
  path = '/validate?timeout=5s',
  method = 'POST',
  headers = {},
  body = '',
}: Sent): Promise<Answer> {
  const request = startRequest({
    host: '127.0.0.1',
    port,
    path,
    method,
    agent: false,
    ca: authority.rootPem,
    headers: { 'content-type': 'application/json', ...headers },
  });
  // An answer may come, and the connection be closed, before all of a body that is too large was sent.
  request.on('error', () => {});
  request.end(body);
  const [response] = await once(request, 'response');
  const serial: string = response.socket.getPeerCertificate().serialNumber;
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece);
  return { status: response.statusCode, body: Buffer.concat(pieces).toString(), serial };
}

const review = JSON.stringify(admissionReview({ object: rawIngress('web', 'x.example', 'cart') }));

test('without a certificate nobody gets in', async () => {
  const request = startRequest({ host: '127.0.0.1', port, agent: false, rejectUnauthorized: false });
  request.end();
  await assert.rejects(once(request, 'response'));
});

test('before the cluster is known the answer is 503, so that the failure policy decides', async () => {
  useKeyPair(await authority.issue('127.0.0.1'));
  const { status, body } = await send({ body: review });
  assert.deepEqual([status, body], [503, 'the objects of the cluster are not known yet\n']);
});

test('a review is answered', async () => {
  webhook.onSnapshot(snapshot({ services: [service('shop/cart')] }));
  const { status, body } = await send({ body: review });
  assert.equal(status, 200);
  const { response }: { response: ReviewResponse } = JSON.parse(body);
  assert.equal(response.allowed, true);
});

const refused: readonly (Sent & { readonly name: string; readonly status: number })[] = [
  { name: 'another path', path: '/metrics', status: 404 },
  { name: 'another method', method: 'GET', status: 405 },
  { name: 'another type', headers: { 'content-type': 'text/plain' }, body: review, status: 415 },
  { name: 'a body that is no JSON', body: '{', status: 400 },
  { name: 'JSON that is no review', body: '[]', status: 400 },
  { name: 'JSON nested without end', body: '['.repeat(1_000_000), status: 400 },
  { name: 'a body that says it is too large', body: ' '.repeat(3_145_729), status: 413 },
  {
    name: 'a body that turns out to be too large',
    headers: { 'transfer-encoding': 'chunked' },
    body: ' '.repeat(3_145_729),
    status: 413,
  },
];

for (const { name, status, ...sent } of refused) {
  test(`${name} is answered ${status}`, async () => {
    const failed = webhook.totals.results.failed;
    assert.equal((await send(sent)).status, status);
    assert.equal(webhook.totals.results.failed, failed + 1);
  });
}

test('another certificate is shown from the next handshake on', async () => {
  const { serial } = await send({ body: review });
  useKeyPair(await authority.issue('127.0.0.1'));
  assert.notEqual((await send({ body: review })).serial, serial);
});

test('nothing of all this was a fault of ours', () => {
  assert.deepEqual(
    logger.lines.filter(({ level }) => level === 'error'),
    [],
  );
});
