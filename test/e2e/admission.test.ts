/** The admission webhook behind a real API server: who writes an Ingress is told at once what is wrong with it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { CertificateAuthority } from '../support/certificate-authority.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import { CONTROLLER_ADDRESS, type ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { E2E_NAMESPACE, type IngressOptions, ingressManifest } from '../support/e2e-manifests.ts';
import type { CreateAnswer, KubeObject } from '../support/kube-objects.ts';

const UNSUPPORTED = 'nginx.ingress.kubernetes.io/server-snippet';

interface Registered {
  readonly metadata: { readonly name: string };
  readonly webhooks: readonly object[];
}

/** As it is to be deployed, but for the address: there is no cluster network here. */
function registration(url: string, authorityPem: string): KubeObject {
  const text = readFileSync(new URL('../../deploy/admission/webhook.yaml', import.meta.url), 'utf8');
  const [, document] = parseAllDocuments(text);
  assert.ok(document !== undefined);
  const { metadata, webhooks }: Registered = document.toJS();
  const clientConfig = { url, caBundle: Buffer.from(authorityPem).toString('base64') };
  return { metadata, webhooks: webhooks.map((webhook) => ({ ...webhook, clientConfig })) };
}

describe('the admission webhook', { skip: e2eSkip }, () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sluice-webhook-'));
  let cluster: E2eCluster;
  let controller: ControllerProcess;

  function tryCreate(name: string, options: IngressOptions, dryRun = false): Promise<CreateAnswer> {
    return cluster.objects.tryCreate('ingresses', ingressManifest(name, options), dryRun);
  }

  before(async () => {
    cluster = await E2eCluster.start();
    await cluster.service('web');
    const authority = await CertificateAuthority.make('webhook authority');
    const { certPem, keyPem } = await authority.issue(CONTROLLER_ADDRESS);
    writeFileSync(path.join(directory, 'tls.crt'), certPem);
    writeFileSync(path.join(directory, 'tls.key'), keyPem);
    controller = await cluster.controller(['--workers', '1', '--webhook-port', '0', '--webhook-cert-dir', directory]);
    await controller.log('certificate in use');
    const port = Number((await controller.log('ready'))['webhookPort']);
    await cluster.objects.create(
      'validatingwebhookconfigurations',
      registration(`https://${CONTROLLER_ADDRESS}:${port}/validate`, authority.rootPem),
    );
    // API servers take up a registration some time after they have stored it.
    const faulty = {
      host: 'probe.example',
      paths: { '/': 'web' },
      annotations: { [UNSUPPORTED]: 'return 200;' },
    };
    await eventually(
      () => tryCreate('probe', faulty, true),
      ({ status }) => status === 400,
    );
  });

  after(async () => {
    await cluster?.stop();
    rmSync(directory, { recursive: true });
  });

  test('refuses an ingress with a fault, with our message', async () => {
    const { status, text } = await tryCreate('faulty', {
      host: 'faulty.example',
      paths: { '/': 'web' },
      annotations: { [UNSUPPORTED]: 'return 200;' },
    });
    assert.equal(status, 400);
    const { message, reason, details } = JSON.parse(text);
    assert.equal(reason, 'BadRequest');
    assert.match(message, /^admission webhook "ingress\.sluice\.dev" denied the request: metadata\.annotations\[/);
    assert.match(message, /restricts access and is not supported/);
    assert.equal(details.causes[0].field, `metadata.annotations[${UNSUPPORTED}]`);
  });

  test('lets an ingress with a doubt through, with a warning for whoever wrote it', async () => {
    const { status, warnings } = await tryCreate('doubtful', { host: 'doubtful.example', paths: { '/': 'gone' } });
    assert.equal(status, 201);
    assert.match(warnings.join(), /sluice: spec\.rules\[0\].*service shop\/gone does not exist/);
  });

  test('says nothing of an ingress that is served as written, nor of those of others', async () => {
    const served = await tryCreate('served', { host: 'served.example', paths: { '/': 'web' } });
    assert.deepEqual([served.status, served.warnings], [201, []]);
    const annotations = { [UNSUPPORTED]: 'return 200;' };
    const options = { host: 'served.example', paths: { '/': 'gone' }, className: 'other', annotations };
    const foreign = await tryCreate('foreign', options);
    assert.deepEqual([foreign.status, foreign.warnings], [201, []]);
  });

  test('warns of a path that another ingress owns, once that one is known', async () => {
    await controller.untilRunning(({ routes }) => routes.some(({ host }) => host === 'served.example'));
    const { status, warnings } = await tryCreate('late', { host: 'served.example', paths: { '/': 'web' } });
    assert.equal(status, 201);
    assert.match(warnings.join(), /already belongs to Ingress shop\/served/);
  });

  test('refuses a change that adds a fault, and lets an unchanged ingress be labelled', async () => {
    const annotations = { [UNSUPPORTED]: 'return 200;' };
    const change = cluster.objects.patch('ingresses', E2E_NAMESPACE, 'served', { metadata: { annotations } });
    await assert.rejects(change, /denied the request/);
    await cluster.objects.patch('ingresses', E2E_NAMESPACE, 'served', { metadata: { labels: { a: 'b' } } });
  });

  test('reads annotations of our own on services', async () => {
    const metadata = { name: 'typo', namespace: E2E_NAMESPACE, annotations: { 'sluice.dev/balancre': 'random' } };
    const service = { metadata, spec: { ports: [{ port: 80 }] } };
    const { status, warnings } = await cluster.objects.tryCreate('services', service, false);
    assert.equal(status, 201);
    assert.match(warnings.join(), /did you mean sluice\.dev\/balancer/);
  });

  test('counts what it has answered', async () => {
    const { text } = await controller.admin('/metrics');
    const counts = new Map(
      Array.from(text.matchAll(/^sluice_admission_reviews_total\{result="(\w+)"\} (\d+)$/gm), ([, result, count]) => [
        result,
        Number(count),
      ]),
    );
    for (const result of ['allowed', 'warned', 'denied', 'ignored']) assert.ok((counts.get(result) ?? 0) > 0, result);
    assert.equal(counts.get('failed'), 0);
  });

  test('does not keep anybody from writing while there is no controller', async () => {
    await controller.kill();
    const { status } = await tryCreate('meanwhile', {
      host: 'meanwhile.example',
      paths: { '/': 'web' },
      annotations: { [UNSUPPORTED]: 'return 200;' },
    });
    assert.equal(status, 201);
  });
});
