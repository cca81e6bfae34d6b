/** A controller serves what it may read: all but Secrets until they are granted, or one namespace with a Role alone. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeCertificate } from '../support/e2e-certificate.ts';
import { HttpClient } from '../support/e2e-client.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import type { ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { E2E_NAMESPACE } from '../support/e2e-manifests.ts';

const HOST = 'shop.example';
const ACCOUNT = 'sluice';
const VERBS = ['get', 'list', 'watch'];

describe('a controller without the right to read secrets', { skip: e2eSkip }, () => {
  const certificate = makeCertificate(HOST);
  let cluster: E2eCluster;
  let controller: ControllerProcess;

  /** Lets the service account read these resources in all namespaces. */
  async function grant(name: string, rules: readonly object[]): Promise<void> {
    const { objects } = cluster;
    await objects.create('clusterroles', { metadata: { name }, rules });
    await objects.create('clusterrolebindings', {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: E2E_NAMESPACE }],
    });
  }

  before(async () => {
    cluster = await E2eCluster.start();
    await cluster.objects.create('serviceaccounts', { metadata: { name: ACCOUNT, namespace: E2E_NAMESPACE } });
    await grant('sluice', [
      { apiGroups: [''], resources: ['services', 'endpoints'], verbs: VERBS },
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses', 'ingressclasses'], verbs: VERBS },
    ]);
    const metadata = { name: 'cert', namespace: E2E_NAMESPACE };
    await cluster.objects.create('secrets', { metadata, type: 'kubernetes.io/tls', data: certificate.secretData });
    await cluster.service('web');
    await cluster.createIngress('shop', { host: HOST, paths: { '/': 'web' }, tlsSecret: 'cert' });
    const token = await cluster.objects.createToken(E2E_NAMESPACE, ACCOUNT);
    controller = await cluster.controller(['--workers', '1'], cluster.env.kubeconfigFor(ACCOUNT, token));
  });

  after(async () => {
    await cluster?.stop();
  });

  test('serves everything else, with the default certificate', async () => {
    const clear = new HttpClient({ port: controller.httpPort, host: HOST });
    const { status, body } = await clear.get('/');
    clear.close();
    assert.deepEqual({ status, body }, { status: 200, body: 'web' });
    const secure = new HttpClient({ port: controller.httpsPort, host: HOST, trust: certificate.cert });
    await assert.rejects(secure.get('/'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    secure.close();
    assert.equal((await controller.admin('/readyz')).status, 200);
  });

  test('names in one log line and in a problem what it cannot read and what to grant', async () => {
    await controller.untilRunning(({ problems }) =>
      problems.some(({ code, source }) => code === 'resource-denied' && source.kind === 'Secret'),
    );
    // A new cluster may take a moment to grant the rest: lines about other resources are not counted.
    const denials = controller.logs.filter(
      ({ msg, resource }) => msg === 'kubernetes resource cannot be read' && resource === 'secrets',
    );
    assert.equal(denials.length, 1);
    assert.equal(denials[0]?.level, 'warn');
    const problem = String(denials[0]?.['problem']);
    assert.match(problem, /403.*certificates are missing; grant get, list and watch on secrets/s);
  });

  test('uses them as soon as it may', async () => {
    await grant('sluice-secrets', [{ apiGroups: [''], resources: ['secrets'], verbs: VERBS }]);
    await controller.untilRunning(({ problems }) => problems.length === 0);
    const secure = new HttpClient({ port: controller.httpsPort, host: HOST, trust: certificate.cert });
    const { status, fingerprint256 } = await secure.get('/');
    secure.close();
    assert.deepEqual({ status, fingerprint256 }, { status: 200, fingerprint256: certificate.fingerprint256 });
  });
});

describe('a controller with a Role in one namespace, and no ClusterRole', { skip: e2eSkip }, () => {
  const certificate = makeCertificate(HOST);
  let cluster: E2eCluster;

  before(async () => {
    cluster = await E2eCluster.start();
    const { objects } = cluster;
    const metadata = { name: ACCOUNT, namespace: E2E_NAMESPACE };
    await objects.create('serviceaccounts', { metadata });
    await objects.create('roles', {
      metadata,
      rules: [
        { apiGroups: [''], resources: ['services', 'endpoints', 'secrets'], verbs: VERBS },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: VERBS },
        { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: VERBS },
      ],
    });
    await objects.create('rolebindings', {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: ACCOUNT },
      subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: E2E_NAMESPACE }],
    });
    await objects.create('secrets', {
      metadata: { name: 'cert', namespace: E2E_NAMESPACE },
      type: 'kubernetes.io/tls',
      data: certificate.secretData,
    });
    await cluster.service('web');
    await cluster.createIngress('shop', { host: HOST, paths: { '/': 'web' }, tlsSecret: 'cert' });
    await cluster.createIngress('other', { host: 'other.example', paths: { '/': 'web' }, className: 'other' });
  });

  after(async () => {
    await cluster?.stop();
  });

  test('serves that namespace, by the name of the class, and says which right it goes without', async () => {
    const token = await cluster.objects.createToken(E2E_NAMESPACE, ACCOUNT);
    const args = ['--workers', '1', '--watch-namespace', E2E_NAMESPACE];
    const controller = await cluster.controller(args, cluster.env.kubeconfigFor(ACCOUNT, token));
    const secure = new HttpClient({ port: controller.httpsPort, host: HOST, trust: certificate.cert });
    const { status, fingerprint256 } = await secure.get('/');
    secure.close();
    assert.deepEqual({ status, fingerprint256 }, { status: 200, fingerprint256: certificate.fingerprint256 });
    await controller.untilRunning(({ problems }) => problems.length === 1);
    const { problems, routes } = await controller.running();
    assert.deepEqual(
      problems.map(({ code, severity, source }) => `${severity} ${code} ${source.kind}`),
      ['warning resource-denied IngressClass'],
    );
    assert.deepEqual([...new Set(routes.map(({ host }) => host))], [HOST]);
    await cluster.createIngress('later', { host: 'later.example', paths: { '/': 'web' } });
    await controller.untilRunning((config) => config.routes.some(({ host }) => host === 'later.example'));
  });
});
