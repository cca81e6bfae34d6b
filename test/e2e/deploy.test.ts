/**
 * The manifests of `deploy/` on a real API server, and the controller with the flags and the rights they give it: nothing it
 * does is forbidden, and it serves, elects a leader and writes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Deployment } from '../support/deployment.ts';
import { makeCertificate } from '../support/e2e-certificate.ts';
import { HttpClient } from '../support/e2e-client.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import { CONTROLLER_ADDRESS, type ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { E2E_NAMESPACE } from '../support/e2e-manifests.ts';
import type { KubeCollection, KubeObject } from '../support/kube-objects.ts';
import type { Manifest } from '../support/kustomize.ts';

const HOST = 'shop.example';
const BAD = { 'nginx.ingress.kubernetes.io/proxy-body-size': 'lots' };

/** By the kinds that the API server of these tests knows; it is older than `policy/v1` and `autoscaling/v2`. */
const COLLECTIONS: Readonly<Record<string, KubeCollection>> = {
  'v1 Namespace': 'namespaces',
  'v1 Service': 'services',
  'v1 ServiceAccount': 'serviceaccounts',
  'apps/v1 DaemonSet': 'daemonsets',
  'apps/v1 Deployment': 'deployments',
  'networking.k8s.io/v1 IngressClass': 'ingressclasses',
  'networking.k8s.io/v1 NetworkPolicy': 'networkpolicies',
  'rbac.authorization.k8s.io/v1 ClusterRole': 'clusterroles',
  'rbac.authorization.k8s.io/v1 ClusterRoleBinding': 'clusterrolebindings',
  'rbac.authorization.k8s.io/v1 Role': 'roles',
  'rbac.authorization.k8s.io/v1 RoleBinding': 'rolebindings',
};
const TOO_NEW = ['policy/v1 PodDisruptionBudget', 'autoscaling/v2 HorizontalPodAutoscaler'];

/** All that was sent is there, whatever the server has added. */
function assertKept(sent: unknown, stored: unknown, field: string): void {
  if (typeof sent !== 'object' || sent === null) {
    assert.equal(stored, sent, field);
    return;
  }
  assert.ok(typeof stored === 'object' && stored !== null, `${field} was dropped`);
  for (const [key, value] of Object.entries(sent)) {
    assertKept(value, (stored as Record<string, unknown>)[key], `${field}.${key}`);
  }
}

/** What a cloud writes to a Service. */
function toStatus(ip: string): object {
  return { status: { loadBalancer: { ingress: [{ ip }] } } };
}

function published({ status }: KubeObject): string {
  const { loadBalancer } = status as { loadBalancer: { ingress?: readonly { ip?: string }[] } };
  return (loadBalancer.ingress ?? []).map(({ ip }) => ip).join(' ');
}

/** An installation of an overlay, as far as an API server alone can have one. */
class Installation {
  readonly cluster: E2eCluster;
  /** Whose flags the next replica gets. */
  deployment: Deployment;
  readonly namespace: string;
  readonly created: { readonly collection: KubeCollection; readonly manifest: Manifest }[] = [];
  readonly tooNew: string[] = [];
  readonly #state: string;
  #replicas = 0;

  private constructor(cluster: E2eCluster, deployment: Deployment, namespace: string) {
    this.cluster = cluster;
    this.deployment = deployment;
    this.namespace = namespace;
    this.#state = mkdtempSync(path.join(tmpdir(), 'sluice-state-'));
  }

  /** `namespace`: where everything goes, as the field of that name in a kustomization would have it. */
  static async start(overlay: string, namespace = 'sluice'): Promise<Installation> {
    const cluster = await E2eCluster.start();
    const installation = new Installation(cluster, new Deployment(overlay), namespace);
    // The overlays bring their own.
    await cluster.objects.delete('ingressclasses', '', 'sluice');
    // The others need its namespace.
    const { objects } = installation.deployment;
    for (const manifest of objects.filter(({ kind }) => kind === 'Namespace')) await installation.#create(manifest);
    for (const manifest of objects.filter(({ kind }) => kind !== 'Namespace')) await installation.#create(manifest);
    await installation.#granted();
    return installation;
  }

  /** API servers take up each kind of role some time after they have stored it. */
  async #granted(): Promise<void> {
    const namespaced = `namespaces/${this.namespace}`;
    const pages = [
      `/apis/networking.k8s.io/v1/${namespaced}/ingresses`,
      `/apis/coordination.k8s.io/v1/${namespaced}/leases/${this.deployment.settings().electionId}`,
    ];
    if (this.deployment.workload.kind === 'DaemonSet') pages.push(`/api/v1/${namespaced}/pods`, '/api/v1/nodes/node-a');
    const token = await this.token();
    const ask = (page: string): Promise<number> => this.cluster.objects.statusFor(token, page);
    await eventually(
      () => Promise.all(pages.map(ask)),
      (statuses) => !statuses.includes(403),
    );
  }

  async #create(manifest: Manifest): Promise<void> {
    const text = JSON.stringify(manifest).replaceAll('"namespace":"sluice"', `"namespace":"${this.namespace}"`);
    const moved = JSON.parse(text) as Manifest;
    const kind = `${manifest.apiVersion} ${manifest.kind}`;
    const collection = COLLECTIONS[kind];
    if (collection === undefined) {
      this.tooNew.push(kind);
      return;
    }
    await this.cluster.objects.create(collection, moved);
    this.created.push({ collection, manifest: moved });
  }

  token(): Promise<string> {
    return this.cluster.objects.createToken(this.namespace, this.deployment.pod.serviceAccountName ?? '');
  }

  /** One more replica, with the flags of the manifest but for what a machine without a kubelet cannot have. */
  async replica(): Promise<ControllerProcess> {
    const { env } = this.cluster;
    this.#replicas++;
    const kubeconfig = env.kubeconfigFor(`replica-${this.#replicas}`, await this.token(), env.url, this.namespace);
    const flags = this.deployment.args.slice(1).map((flag) => flag.replace('=sluice', `=${this.namespace}`));
    // The last value of a flag holds.
    const snapshotDir = `--snapshot-dir=${path.join(this.#state, String(this.#replicas))}`;
    return this.cluster.controller([...flags, snapshotDir], kubeconfig);
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    rmSync(this.#state, { recursive: true });
  }
}

/** Resources that the log names as forbidden, and kinds of writes that were. */
async function denials(controller: ControllerProcess): Promise<readonly string[]> {
  // What cannot be read is a problem of the configuration, too.
  const lines = controller.logs.filter((line) => line['code'] !== 'resource-denied');
  const reads = lines.filter(({ msg }) => msg === 'kubernetes resource cannot be read');
  const { text } = await controller.admin('/metrics');
  const writes = Array.from(text.matchAll(/^sluice_kubernetes_writes_total\{kind="(\w+)",result="denied"\} (\d+)$/gm));
  const others = lines.filter((line) => /\b403\b|forbidden/i.test(JSON.stringify(line)) && !reads.includes(line));
  return [
    ...reads.map(({ resource }) => String(resource)),
    ...writes.filter(([, , count]) => count !== '0').map(([, kind]) => `write ${kind}`),
    ...others.map((line) => JSON.stringify(line)),
  ];
}

async function get(port: number, trust?: string): Promise<string> {
  const client = new HttpClient({ port, host: HOST, ...(trust === undefined ? {} : { trust }) });
  const { status, body } = await client.get('/');
  client.close();
  return `${status} ${body}`;
}

async function leads(controller: ControllerProcess): Promise<boolean> {
  const { text } = await controller.admin('/metrics');
  return /^sluice_leader\{name="sluice-leader"\} 1$/m.test(text);
}

describe('the overlay for all namespaces', { skip: e2eSkip }, () => {
  const certificate = makeCertificate(HOST);
  let installation: Installation;
  let replicas: readonly ControllerProcess[];

  before(async () => {
    installation = await Installation.start('default');
    const { cluster } = installation;
    const metadata = { name: 'cert', namespace: E2E_NAMESPACE };
    await cluster.objects.create('secrets', { metadata, type: 'kubernetes.io/tls', data: certificate.secretData });
    await cluster.service('web');
    await cluster.createIngress('shop', { host: HOST, paths: { '/': 'web' }, tlsSecret: 'cert' });
    replicas = [await installation.replica(), await installation.replica()];
  });

  after(async () => {
    await installation?.stop();
  });

  test('is taken by the API server with every field', async (context: TestContext) => {
    assert.deepEqual(installation.tooNew, TOO_NEW);
    context.diagnostic(`not applied, as this API server is older: ${TOO_NEW.join(', ')}`);
    assert.equal(installation.created.length, installation.deployment.objects.length - TOO_NEW.length);
    for (const { collection, manifest } of installation.created) {
      const { name, namespace = '' } = manifest.metadata;
      const stored = await installation.cluster.objects.get(collection, namespace, name);
      assertKept(manifest, { ...stored }, `${manifest.kind} ${name}`);
    }
  });

  test('serves in every replica, in clear text and over TLS', async () => {
    for (const { httpPort, httpsPort } of replicas) {
      assert.equal(await get(httpPort), '200 web');
      assert.equal(await get(httpsPort, certificate.cert), '200 web');
    }
  });

  test('has one leader, which writes the addresses of the Service to Ingresses, and Events', async () => {
    const { objects } = installation.cluster;
    await eventually(
      () => Promise.all(replicas.map(leads)),
      (each) => each.filter(Boolean).length === 1,
    );
    const { spec } = await objects.get('leases', 'sluice', 'sluice-leader');
    assert.notEqual((spec as { holderIdentity: string }).holderIdentity, '');
    await objects.patch('services', 'sluice', 'sluice/status', toStatus('192.0.2.7'));
    await installation.cluster.createIngress('bad', { host: 'bad.example', paths: { '/': 'web' }, annotations: BAD });
    await eventually(
      () => objects.get('ingresses', E2E_NAMESPACE, 'shop'),
      (ingress) => published(ingress) === '192.0.2.7',
    );
    await eventually(
      () => objects.list('events', E2E_NAMESPACE),
      (events) => events.some(({ reason, type }) => reason === 'AnnotationInvalid' && type === 'Warning'),
    );
  });

  test('is forbidden nothing that it does, and everything else', async () => {
    for (const replica of replicas) assert.deepEqual(await denials(replica), []);
    const token = await installation.token();
    const { objects } = installation.cluster;
    const closed = ['/api/v1/nodes', '/api/v1/pods', '/api/v1/configmaps', '/apis/apps/v1/deployments'];
    const leases = '/apis/coordination.k8s.io/v1/namespaces/sluice/leases';
    for (const page of [...closed, `${leases}/other`]) assert.equal(await objects.statusFor(token, page), 403);
  });
});

describe('the overlay for one namespace, in another one than its own', { skip: e2eSkip }, () => {
  let installation: Installation;

  before(async () => {
    installation = await Installation.start('one-namespace', E2E_NAMESPACE);
    await installation.cluster.service('web');
    await installation.cluster.createIngress('shop', { host: HOST, paths: { '/': 'web' } });
  });

  after(async () => {
    await installation?.stop();
  });

  test('serves, elects and writes, and goes without IngressClasses only', async () => {
    const { objects } = installation.cluster;
    await objects.patch('services', E2E_NAMESPACE, 'sluice/status', toStatus('192.0.2.8'));
    const replica = await installation.replica();
    assert.equal(await get(replica.httpPort), '200 web');
    await eventually(
      () => objects.get('ingresses', E2E_NAMESPACE, 'shop'),
      (ingress) => published(ingress) === '192.0.2.8',
    );
    assert.deepEqual(await denials(replica), ['ingressclasses']);
  });
});

describe('the overlays for moving from ingress-nginx', { skip: e2eSkip }, () => {
  let installation: Installation;

  function untilPublished(address: string): Promise<unknown> {
    return eventually(
      () => installation.cluster.objects.get('ingresses', E2E_NAMESPACE, 'shop'),
      (ingress) => published(ingress) === address,
    );
  }

  before(async () => {
    installation = await Installation.start('nginx-parallel');
    const { cluster } = installation;
    const { objects } = cluster;
    await cluster.service('web');
    await cluster.createIngress('shop', { host: HOST, paths: { '/': 'web' }, className: 'nginx' });
    await cluster.createIngress('other', { host: 'other.example', paths: { '/': 'web' }, className: 'sluice' });
    await objects.create('namespaces', { metadata: { name: 'ingress-nginx' } });
    const spec = { type: 'LoadBalancer', ports: [{ port: 80 }] };
    const metadata = { name: 'ingress-nginx-controller', namespace: 'ingress-nginx' };
    await objects.create('services', { metadata, spec });
    await objects.patch('services', 'ingress-nginx', 'ingress-nginx-controller/status', toStatus('192.0.2.1'));
    await objects.patch('services', 'sluice', 'sluice/status', toStatus('192.0.2.2'));
  });

  after(async () => {
    await installation?.stop();
  });

  test('serve its class, first with its addresses in the status, then with those of our Service', async () => {
    const beside = await installation.replica();
    assert.equal(await get(beside.httpPort), '200 web');
    const { routes } = await beside.running();
    assert.deepEqual([...new Set(routes.map(({ host }) => host))], [HOST]);
    await untilPublished('192.0.2.1');
    installation.deployment = new Deployment('nginx-takeover');
    const inPlace = await installation.replica();
    beside.signal('SIGINT');
    await untilPublished('192.0.2.2');
    assert.equal(await get(inPlace.httpPort), '200 web');
    assert.deepEqual(await denials(inPlace), []);
  });
});

describe('the overlay for ports of nodes', { skip: e2eSkip }, () => {
  const POD = 'sluice-abcde';
  let installation: Installation;

  before(async () => {
    installation = await Installation.start('host-ports');
    const { cluster, deployment } = installation;
    const { objects } = cluster;
    await cluster.service('web');
    await cluster.createIngress('shop', { host: HOST, paths: { '/': 'web' } });
    await objects.create('nodes', { metadata: { name: 'node-a' } });
    const addresses = [{ type: 'InternalIP', address: CONTROLLER_ADDRESS }];
    await objects.patch('nodes', '', 'node-a/status', { status: { addresses } });
    await objects.create('pods', {
      metadata: { name: POD, namespace: 'sluice', labels: deployment.labels } as KubeObject['metadata'],
      spec: Object.assign({ nodeName: 'node-a' }, deployment.pod),
    });
    const conditions = [{ type: 'Ready', status: 'True' }];
    await objects.patch('pods', 'sluice', `${POD}/status`, { status: { phase: 'Running', conditions } });
  });

  after(async () => {
    await installation?.stop();
  });

  test('publishes the addresses of the nodes, with the right to read them', async () => {
    process.env['POD_NAME'] = POD;
    const replica = await installation.replica();
    delete process.env['POD_NAME'];
    assert.equal(await get(replica.httpPort), '200 web');
    await eventually(
      () => installation.cluster.objects.get('ingresses', E2E_NAMESPACE, 'shop'),
      (ingress) => published(ingress) === CONTROLLER_ADDRESS,
    );
    assert.deepEqual(await denials(replica), []);
  });
});
