/** The ingress controller against a real API server: what users write into a cluster is what traffic gets. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { makeCertificate, type TestCertificate } from '../support/e2e-certificate.ts';
import { HttpClient } from '../support/e2e-client.ts';
import { E2eCluster } from '../support/e2e-cluster.ts';
import { CONTROLLER_ADDRESS, type ControllerProcess } from '../support/e2e-controller.ts';
import { e2eSkip } from '../support/e2e-environment.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { canaryAnnotations, E2E_NAMESPACE } from '../support/e2e-manifests.ts';
import type { Pod } from '../support/e2e-pod.ts';

/** As a user would write it, with the Endpoints that a cluster would make from the pods of a selector. */
function siteManifest(host: string, pod: Pod): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: applied, namespace: ${E2E_NAMESPACE} }
spec:
  ports: [{ name: http, port: 80, targetPort: ${pod.port} }]
---
apiVersion: v1
kind: Endpoints
metadata: { name: applied, namespace: ${E2E_NAMESPACE} }
subsets:
  - addresses: [{ ip: ${pod.address} }]
    ports: [{ name: http, port: ${pod.port} }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: applied, namespace: ${E2E_NAMESPACE} }
spec:
  ingressClassName: sluice
  rules:
    - host: ${host}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: applied, port: { name: http } } }
`;
}

function kubectlIsHere(): boolean {
  return spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;
}

/** Why a new connection is not possible; empty when it is. */
async function connectionFault(port: number): Promise<string> {
  const socket = net.connect({ host: CONTROLLER_ADDRESS, port });
  try {
    await once(socket, 'connect');
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.destroy();
  }
}

describe('ingress controller against a real api server', { skip: e2eSkip }, () => {
  let cluster: E2eCluster;
  let controller: ControllerProcess;
  let web: Pod;
  let cart: Pod;
  const clients = new Map<string, HttpClient>();

  /** One kept-alive connection a host. */
  function client(host: string): HttpClient {
    const known = clients.get(host);
    if (known !== undefined) return known;
    const created = new HttpClient({ port: controller.httpPort, host });
    clients.set(host, created);
    return created;
  }

  async function body(host: string, target: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await client(host).get(target, headers);
    assert.equal(answer.status, 200, `${host}${target} answered ${answer.status} ${answer.body}`);
    return answer.body;
  }

  /** Waits until a request is answered by this pod. */
  async function untilServed(host: string, target: string, pod: string): Promise<void> {
    await eventually(
      () => client(host).get(target),
      (answer) => answer.status === 200 && answer.body === pod,
    );
  }

  /** Waits until a handshake for this name shows this certificate; it has to be good for the name. */
  async function untilShown(host: string, { cert, fingerprint256 }: TestCertificate): Promise<void> {
    await eventually(
      () => shownTo(host, cert),
      (shown) => shown === fingerprint256,
    );
  }

  /** The certificate that a new connection gets, or why it is refused by a client that trusts `cert` alone. */
  async function shownTo(host: string, cert: string): Promise<string> {
    const secure = new HttpClient({ port: controller.httpsPort, host, trust: cert, keepAlive: false });
    try {
      return (await secure.get('/')).fingerprint256;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    } finally {
      secure.close();
    }
  }

  before(async () => {
    cluster = await E2eCluster.start();
    web = await cluster.service('web');
    cart = await cluster.service('cart');
    await cluster.service('next');
    await cluster.service('fallback');
    controller = await cluster.controller(['--workers', '1']);
  });

  after(async () => {
    for (const each of clients.values()) each.close();
    await cluster?.stop();
  });

  test('an empty cluster answers 404 and is ready', async () => {
    assert.equal((await client('shop.example').get('/')).status, 404);
    assert.equal((await controller.admin('/readyz')).status, 200);
  });

  test('host and the longest matching path decide', async () => {
    await cluster.createIngress('shop', { host: 'shop.example', paths: { '/': 'web', '/cart': 'cart' } });
    await untilServed('shop.example', '/', 'web');
    assert.equal(await body('shop.example', '/cart/items?page=2'), 'cart');
    assert.equal(await body('shop.example', '/cartoon'), 'web');
    assert.equal((await client('other.example').get('/cart')).status, 404);
  });

  test('a canary takes requests by header, then by cookie, then by weight', async () => {
    const rules = { 'canary-by-header': 'X-Next', 'canary-by-cookie': 'next', 'canary-weight': '0' };
    const canary = { host: 'shop.example', paths: { '/': 'next' } };
    await cluster.createIngress('shop-next', { ...canary, annotations: canaryAnnotations(rules) });
    await eventually(
      () => body('shop.example', '/', { 'x-next': 'always' }),
      (pod) => pod === 'next',
    );
    assert.equal(await body('shop.example', '/', { cookie: 'a=b; next=always' }), 'next');
    assert.equal(await body('shop.example', '/', { cookie: 'next=always', 'x-next': 'never' }), 'web');
    assert.equal(await body('shop.example', '/'), 'web');
    assert.equal(await body('shop.example', '/cart', { 'x-next': 'always' }), 'cart');

    const half = canaryAnnotations({ ...rules, 'canary-weight': '50' });
    await cluster.changeIngress('shop-next', { ...canary, annotations: half });
    await untilServed('shop.example', '/', 'next');
    const pods = new Set<string>();
    for (let i = 0; i < 100; i++) pods.add(await body('shop.example', '/'));
    assert.deepEqual([...pods].toSorted(), ['next', 'web']);

    const all = canaryAnnotations({ ...rules, 'canary-weight': '100' });
    await cluster.changeIngress('shop-next', { ...canary, annotations: all });
    // All of 20 at 50 % has a chance of one in a million.
    await eventually(
      async () => Promise.all(Array.from({ length: 20 }, () => body('shop.example', '/'))),
      (answers) => answers.every((pod) => pod === 'next'),
    );
    assert.equal(await body('shop.example', '/', { 'x-next': 'never' }), 'web');
    await cluster.deleteIngress('shop-next');
    await untilServed('shop.example', '/', 'web');
  });

  test('a handshake gets the certificate for its name, the exact one before the wildcard, else the default one', async () => {
    const exact = makeCertificate('secure.wild.example');
    const wildcard = makeCertificate('*.wild.example');
    for (const [name, { secretData: data }] of Object.entries({ exact, wildcard })) {
      const secret = { metadata: { name, namespace: E2E_NAMESPACE }, type: 'kubernetes.io/tls', data };
      await cluster.objects.create('secrets', secret);
    }
    const paths = { '/': 'web' };
    await cluster.createIngress('exact', { host: 'secure.wild.example', paths, tlsSecret: 'exact' });
    await cluster.createIngress('wildcard', { host: '*.wild.example', paths, tlsSecret: 'wildcard' });
    await untilShown('secure.wild.example', exact);
    await untilShown('any.wild.example', wildcard);
    assert.equal(await shownTo('shop.example', wildcard.cert), 'DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  test('an ingress of another class, or of none, is left alone', async () => {
    const foreign = { metadata: { name: 'foreign' }, spec: { controller: 'example.com/other' } };
    await cluster.objects.create('ingressclasses', foreign);
    await cluster.createIngress('foreign', { host: 'foreign.example', paths: { '/': 'web' }, className: 'foreign' });
    await cluster.createIngress('ours', { host: 'ours.example', paths: { '/': 'web' } });
    await untilServed('ours.example', '/', 'web');
    assert.equal((await client('foreign.example').get('/')).status, 404);
    await cluster.changeIngress('foreign', { host: 'foreign.example', paths: { '/': 'web' } });
    await untilServed('foreign.example', '/', 'web');
  });

  test('a port is found by its name, also where the pods of a service number it differently', async () => {
    const low = await cluster.pod('low', 9001);
    const high = await cluster.pod('high', 9002);
    const ports = [
      { name: 'admin', port: 81, targetPort: 'admin' },
      { name: 'http', port: 80, targetPort: 'http' },
    ];
    await cluster.objects.create('services', {
      metadata: { name: 'named', namespace: E2E_NAMESPACE },
      spec: { ports },
    });
    await cluster.objects.create('endpoints', {
      metadata: { name: 'named', namespace: E2E_NAMESPACE },
      subsets: [low, high].map(({ address, port }) => ({
        addresses: [{ ip: address }],
        ports: [{ name: 'http', port }],
      })),
    });
    await cluster.createIngress('named', { host: 'named.example', paths: { '/': 'named:http' } });
    await eventually(
      () => client('named.example').get('/'),
      ({ status }) => status === 200,
    );
    const pods = [await body('named.example', '/'), await body('named.example', '/')];
    assert.deepEqual(pods.toSorted(), ['high', 'low']);
  });

  test('an ExternalName service is reached where its name leads', async () => {
    const outside = await cluster.pod('outside', 9003);
    await cluster.objects.create('services', {
      metadata: { name: 'outside', namespace: E2E_NAMESPACE },
      spec: { type: 'ExternalName', externalName: outside.address, ports: [{ port: 80, targetPort: 9003 }] },
    });
    await cluster.createIngress('outside', { host: 'outside.example', paths: { '/': 'outside' } });
    await eventually(
      () => client('outside.example').get('/'),
      ({ status }) => status === 200,
    );
    assert.equal(await body('outside.example', '/'), 'outside');
  });

  test('a service without pods answers 503 until it has one', async () => {
    await cluster.scale('cart', []);
    await eventually(
      () => client('shop.example').get('/cart'),
      ({ status }) => status === 503,
    );
    assert.equal(await body('shop.example', '/'), 'web');
    await cluster.scale('cart', [cart]);
    await untilServed('shop.example', '/cart', 'cart');
  });

  test('the default backend takes what no rule takes', async () => {
    await cluster.createIngress('fallback', { paths: {}, defaultBackend: 'fallback' });
    await untilServed('nobody.example', '/anything', 'fallback');
    assert.equal(await body('shop.example', '/'), 'web');
    await cluster.deleteIngress('fallback');
    await eventually(
      () => client('nobody.example').get('/anything'),
      ({ status }) => status === 404,
    );
  });

  test('what kubectl applies is served, and what it deletes is not', async (t) => {
    if (!kubectlIsHere()) {
      t.skip('kubectl is not on PATH');
      return;
    }
    const pod = await cluster.pod('applied');
    const directory = mkdtempSync(path.join(tmpdir(), 'sluice-kubectl-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const file = path.join(directory, 'site.yaml');
    const kubectl = async (...args: readonly string[]): Promise<void> => {
      const where = ['--kubeconfig', cluster.env.kubeconfig, '--cache-dir', path.join(directory, 'cache')];
      await promisify(execFile)('kubectl', [...where, ...args], { env: { ...process.env, HOME: directory } });
    };
    writeFileSync(file, siteManifest('applied.example', pod));
    await kubectl('apply', '-f', file);
    await untilServed('applied.example', '/', 'applied');
    writeFileSync(file, siteManifest('renamed.example', pod));
    await kubectl('apply', '-f', file);
    await untilServed('renamed.example', '/', 'applied');
    assert.equal((await client('applied.example').get('/')).status, 404);
    // The server deletes the Endpoints with their Service.
    await kubectl('delete', '-f', file, '--wait=false', '--ignore-not-found');
    await eventually(
      () => client('renamed.example').get('/'),
      ({ status }) => status === 404,
    );
  });

  test('SIGTERM lets a request under way finish, takes no new ones, and ends with 0', async () => {
    const leaving = await cluster.controller(['--workers', '2']);
    const slow = new HttpClient({ port: leaving.httpPort, host: 'shop.example' });
    const idle = new HttpClient({ port: leaving.httpPort, host: 'shop.example' });
    assert.equal((await idle.get('/')).status, 200);
    const held = slow.get('/held');
    await web.untilHeld();
    leaving.signal('SIGTERM');
    await leaving.log('draining');
    assert.equal((await leaving.admin('/readyz')).status, 503);
    await eventually(
      () => connectionFault(leaving.httpPort),
      (fault) => fault === 'ECONNREFUSED',
    );
    web.release();
    const { status, body: text, headers } = await held;
    assert.deepEqual([status, text, headers.connection], [200, 'web', 'close']);
    assert.deepEqual(await leaving.exited(), { code: 0, signal: null });
    for (const each of [slow, idle]) each.close();
  });
});
