/** Whom the client of the API server talks to, and how it proves who it is. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import { BodyTooLargeError, KubeClient } from '../../src/watch/kube-client.ts';
import { FakeApiServer, type FakeApiServerOptions } from '../support/fake-apiserver/server.ts';

const SERVICES = '/api/v1/services';
const signal = new AbortController().signal;

async function startFake(t: TestContext, options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
  const fake = await FakeApiServer.start(options);
  t.after(() => fake.close());
  return fake;
}

function connect(t: TestContext, kubeconfig: string | null, env: NodeJS.ProcessEnv = {}): KubeClient {
  const client = new KubeClient({ kubeconfig, logger: NULL_LOGGER, userAgent: 'sluice/test', env });
  t.after(() => client.close());
  return client;
}

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kube-client-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function makeCertificate(
  path: string,
  name: string,
): { readonly cert: string; readonly key: string; readonly file: string } {
  const file = join(path, `${name}.crt`);
  const key = join(path, `${name}.key`);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', file], { stdio: 'pipe' });
  return { cert: readFileSync(file, 'utf8'), key: readFileSync(key, 'utf8'), file };
}

test('a token file may end in a newline', async (t) => {
  const fake = await startFake(t, { token: 'secret-token' });
  const tokenFile = join(directory(t), 'token');
  writeFileSync(tokenFile, 'secret-token\n');
  const client = connect(t, fake.writeKubeconfig({ tokenFile }));
  assert.match(await client.getText(SERVICES, {}, 10_000, signal), /ServiceList/);
});

test('a rotated token is read again after a 401', async (t) => {
  const fake = await startFake(t, { token: 'first' });
  const tokenFile = join(directory(t), 'token');
  writeFileSync(tokenFile, 'first');
  const client = connect(t, fake.writeKubeconfig({ tokenFile }));
  await client.getText(SERVICES, {}, 10_000, signal);
  fake.token = 'second';
  writeFileSync(tokenFile, 'second');
  await assert.rejects(client.getText(SERVICES, {}, 10_000, signal), { name: 'KubeApiError', status: 401 });
  client.dropCredentials();
  assert.match(await client.getText(SERVICES, {}, 10_000, signal), /ServiceList/);
});

test('an exec plugin is started once for requests that come together', async (t) => {
  const fake = await startFake(t, { token: 'from-plugin' });
  const path = directory(t);
  const calls = join(path, 'calls');
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 'from-plugin', expirationTimestamp: '2000-01-01T00:00:00Z' },
  };
  const args = ['-c', `echo called >> "${calls}"; echo '${JSON.stringify(credential)}'`];
  const exec = { apiVersion: credential.apiVersion, command: 'sh', args, interactiveMode: 'Never' };
  const client = connect(t, fake.writeKubeconfig({ exec }));
  const requests = Array.from({ length: 10 }, () => client.getText(SERVICES, {}, 10_000, signal));
  assert.equal((await Promise.all(requests)).length, 10);
  assert.equal(readFileSync(calls, 'utf8'), 'called\n');
});

test('a server behind a new CA is reached without a restart of the client', async (t) => {
  const path = directory(t);
  const first = makeCertificate(path, 'first');
  const second = makeCertificate(path, 'second');
  const ca = join(path, 'ca.crt');
  writeFileSync(ca, first.cert);
  const before = await startFake(t, { tls: first });
  const client = connect(t, before.writeKubeconfig({}, { 'certificate-authority': ca }));
  assert.match(await client.getText(SERVICES, {}, 10_000, signal), /ServiceList/);
  await before.goAway();
  const after = await startFake(t, { tls: second, port: Number(new URL(before.url).port) });
  await assert.rejects(client.getText(SERVICES, {}, 10_000, signal), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  writeFileSync(ca, second.cert);
  assert.match(await client.getText(SERVICES, {}, 10_000, signal), /ServiceList/);
  assert.equal(after.requests.length, 1);
});

test('an answer beyond the bound is refused', async (t) => {
  const fake = await startFake(t);
  for (let i = 0; i < 10; i++) fake.put('services', { metadata: { name: `s${i}`, namespace: 'shop' } });
  const client = connect(t, fake.writeKubeconfig());
  await assert.rejects(client.getText(SERVICES, {}, 100, signal), BodyTooLargeError);
});

test('a refusal carries what the Status says', async (t) => {
  const fake = await startFake(t);
  fake.denials = [{ plural: 'services' }];
  const client = connect(t, fake.writeKubeconfig());
  await assert.rejects(client.getText(SERVICES, {}, 10_000, signal), {
    name: 'KubeApiError',
    status: 403,
    reason: 'Forbidden',
    message: /answered 403: services is forbidden: User .* cannot list resource "services"/,
  });
});

test('without any configuration the message says what was looked for', (t) => {
  const home = directory(t);
  assert.throws(
    () => connect(t, null, { HOME: home }),
    /found no api server: --kubeconfig and KUBECONFIG are not set, KUBERNETES_SERVICE_HOST .*\.kube\/config does not exist/,
  );
});

test('KUBECONFIG is used where no file is named', async (t) => {
  const fake = await startFake(t);
  const client = connect(t, null, { KUBECONFIG: fake.writeKubeconfig(), HOME: directory(t) });
  assert.match(await client.getText(SERVICES, {}, 10_000, signal), /ServiceList/);
});

const broken: readonly { readonly name: string; readonly content: string | null; readonly message: RegExp }[] = [
  { name: 'is absent', content: null, message: /cannot read kubeconfig .*: ENOENT/ },
  {
    name: 'names a context it does not have',
    content:
      '{apiVersion: v1, kind: Config, current-context: prod, contexts: [{name: dev, context: {cluster: c, user: u}}]}',
    message: /has no context "prod" \(current-context\); known: dev/,
  },
  {
    name: 'names a cluster it does not have',
    content:
      '{apiVersion: v1, kind: Config, current-context: dev, contexts: [{name: dev, context: {cluster: c, user: u}}]}',
    message: /has no cluster "c"/,
  },
];

for (const { name, content, message } of broken) {
  test(`a kubeconfig that ${name} is refused with the reason`, (t) => {
    const file = join(directory(t), 'kubeconfig');
    if (content !== null) writeFileSync(file, content);
    assert.throws(() => connect(t, file), message);
  });
}
