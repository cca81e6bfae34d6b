/** Manifests on disk: which files and objects are read, what a fault costs, and which changes are seen. */
import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { Problem } from '../../src/model/problem.ts';
import { ManifestSource } from '../../src/watch/manifest-source.ts';
import { SHOP_CERT, SHOP_KEY } from './key-pair-fixtures.ts';
import { follow, makeDirectory, type RecordingListener, readOnce, replaceFile } from './source-fixture.ts';

function ingress(name: string, host: string, namespace = ''): string {
  return `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name}${namespace && `, namespace: ${namespace}`} }
spec:
  rules:
    - host: ${host}
      http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: cart, port: { number: 80 } } } } ] }
`;
}

function slice(address: string): string {
  return `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: cart-1, labels: { kubernetes.io/service-name: cart } }
addressType: IPv4
ports: [ { port: 8080 } ]
endpoints: [ { addresses: [ ${address} ] } ]
`;
}

/** A PEM as a block text two levels deep. */
function indent(pem: string): string {
  return pem.trimEnd().replaceAll('\n', '\n    ');
}

function twoIngresses(host: string): string {
  return `${ingress('b', host)}---\n${ingress('a', 'a.example')}`;
}

const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: { name: cart }\nspec: { ports: [ { port: 80 } ] }\n';
const ENDPOINTS =
  'apiVersion: v1\nkind: Endpoints\nmetadata: { name: cart }\nsubsets: [ { addresses: [ { ip: 10.0.0.9 } ], ports: [ { port: 1 } ] } ]\n';

function hostsOf(snapshot: ObjectSnapshot): readonly string[] {
  return [...snapshot.ingresses.values()].flatMap((each) => each.rules.map((rule) => rule.host)).toSorted();
}

const hasHosts =
  (...hosts: readonly string[]) =>
  (snapshot: ObjectSnapshot): boolean =>
    hostsOf(snapshot).join() === hosts.join();

function places(problems: readonly Problem[], directory: string): readonly string[] {
  return problems.map(({ code, field, location }) => {
    return `${location?.file.slice(directory.length + 1)}:${location?.line}:${location?.column} ${code} ${field}`;
  });
}

async function write(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await makeDirectory(t);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(directory, name, '..'), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  return directory;
}

async function snapshotOf(path: string): Promise<ObjectSnapshot> {
  const call = await readOnce(new ManifestSource(path, NULL_LOGGER));
  assert.ok('snapshot' in call);
  return call.snapshot;
}

async function start(t: TestContext, files: Readonly<Record<string, string>>): Promise<[string, RecordingListener]> {
  const directory = await write(t, files);
  const listener = follow(t, new ManifestSource(directory, NULL_LOGGER));
  await listener.snapshot();
  return [directory, listener];
}

test('YAML and JSON files of a tree are read, with several documents and lists', async (t) => {
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: {} }],
  };
  const typed = {
    apiVersion: 'v1',
    kind: 'ServiceList',
    items: [{ metadata: { name: 'b', namespace: 'x' }, spec: {} }],
  };
  const directory = await write(t, {
    'a.yaml': `# first\n---\n${ingress('web', 'a.example')}---\n${SERVICE}---\n---\n${slice('127.0.0.1')}`,
    'sub/deep/b.yml': ingress('web', 'b.example', 'other'),
    'list.json': JSON.stringify(list),
    'typed.json': JSON.stringify(typed),
    'other.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: x }\n---\njust a text\n',
    'notes.txt': ingress('txt', 'txt.example'),
    '.hidden.yaml': ingress('hidden', 'hidden.example'),
    '.git/c.yaml': ingress('git', 'git.example'),
  });
  const snapshot = await snapshotOf(directory);
  assert.deepEqual(snapshot.problems, []);
  assert.deepEqual([...snapshot.ingresses.keys()].toSorted(), ['default/web', 'other/web']);
  assert.deepEqual([...snapshot.services.keys()].toSorted(), ['default/a', 'default/cart', 'x/b']);
  assert.equal(snapshot.endpointSlices.get('default/cart')?.[0]?.endpoints[0]?.address, '127.0.0.1');
  assert.equal(snapshot.staticConfig, null);
  assert.notEqual(snapshot.ingressClasses, null);
});

test('a single file is read whatever its name', async (t) => {
  const directory = await write(t, { manifests: ingress('web', 'a.example') });
  assert.deepEqual(hostsOf(await snapshotOf(join(directory, 'manifests'))), ['a.example']);
});

test('Secrets are read from stringData, and slices win over Endpoints', async (t) => {
  const secret = `apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: { name: cert }\nstringData:\n  tls.crt: |\n    ${indent(SHOP_CERT)}\n  tls.key: |\n    ${indent(SHOP_KEY)}\n`;
  const directory = await write(t, { 'a.yaml': `${secret}---\n${ENDPOINTS}---\n${slice('10.0.0.1')}` });
  const snapshot = await snapshotOf(directory);
  assert.equal(snapshot.tlsSecrets.get('default/cert')?.certificate?.dnsNames[0], 'shop.example');
  assert.deepEqual(
    snapshot.endpointSlices.get('default/cart')?.map((each) => each.name),
    ['cart-1'],
  );
});

test('faults are located in their file, and cost only what they touch', async (t) => {
  const directory = await write(t, {
    'a.yaml': `${ingress('good', 'a.example')}---\n${ingress('bad', 'B.example')}`,
    'b.yaml': 'kind: [\n',
    'c.yaml': ingress('old', 'c.example').replace('networking.k8s.io/v1', 'networking.k8s.io/v1beta1'),
    'd.yaml': `kind: List\napiVersion: v1\nitems:\n  - apiVersion: v1\n    kind: Service\n    metadata: { name: s }\n    spec: { ports: [ { port: 0 } ] }\n`,
  });
  const snapshot = await snapshotOf(directory);
  assert.deepEqual(hostsOf(snapshot), ['a.example']);
  assert.deepEqual(places(snapshot.problems, directory).toSorted(), [
    'a.yaml:14:13 host-invalid spec.rules[0].host',
    'b.yaml:2:1 config-syntax ',
    'c.yaml:1:13 object-invalid apiVersion',
    'd.yaml:7:30 object-invalid spec.ports[0].port',
  ]);
});

test('of two objects of one name the first by file order wins, and the other is reported', async (t) => {
  const directory = await write(t, {
    'b.yaml': ingress('web', 'second.example', 'default'),
    'a.yaml': `${SERVICE}---\n${ingress('web', 'first.example')}`,
  });
  const snapshot = await snapshotOf(directory);
  assert.deepEqual(hostsOf(snapshot), ['first.example']);
  assert.deepEqual(places(snapshot.problems, directory), ['b.yaml:1:1 object-invalid ']);
  assert.match(
    snapshot.problems[0]?.message ?? '',
    /^Ingress default\/web stands already in .*a.yaml:6; that one is used$/,
  );
});

test('anchors, merges and kubectl habits are understood, alias bombs are refused', async (t) => {
  const merged = `x: &meta { namespace: shop }\n${SERVICE.replace('{ name: cart }', '{ <<: *meta, name: merged }')}`;
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n`;
  const directory = await write(t, { 'a.yaml': `%YAML 1.2\n---\n${merged}`, 'b.yaml': bomb });
  const snapshot = await snapshotOf(directory);
  assert.deepEqual([...snapshot.services.keys()], ['shop/merged']);
  assert.deepEqual(places(snapshot.problems, directory), ['b.yaml:1:1 config-syntax ']);
});

test('a field of an object is located in its file, also behind other documents and inside a list', async (t) => {
  const list = `kind: List\napiVersion: v1\nitems:\n  - ${ingress('listed', 'l.example').trimEnd().replaceAll('\n', '\n    ')}\n`;
  const directory = await write(t, { 'a.yaml': `${SERVICE}---\n${ingress('web', 'a.example')}`, 'b.yaml': list });
  const source = new ManifestSource(directory, NULL_LOGGER);
  await readOnce(source);
  const locate = (name: string, field: string): string => {
    const location = source.locate({ kind: 'Ingress', namespace: 'default', name }, field);
    return location === null
      ? 'nowhere'
      : `${location.file.slice(directory.length + 1)}:${location.line}:${location.column}`;
  };
  assert.equal(locate('web', 'spec.rules[0].host'), 'a.yaml:11:13');
  assert.equal(locate('web', 'metadata.annotations[a/b]'), 'a.yaml:8:11');
  assert.equal(locate('listed', 'spec.rules[0].host'), 'b.yaml:9:17');
  assert.equal(locate('listed', ''), 'b.yaml:4:5');
  assert.equal(locate('none', ''), 'nowhere');
});

test('a path that does not exist is reported, not an empty configuration', async (t) => {
  const path = join(await makeDirectory(t), 'none');
  const call = await readOnce(new ManifestSource(path, NULL_LOGGER));
  assert.ok('problems' in call);
  assert.deepEqual(
    call.problems.map((problem) => [problem.code, problem.message]),
    [['file-unreadable', `${path} does not exist`]],
  );
});

test('files that come, change and go are seen, and untouched objects keep their identity', async (t) => {
  const [directory, listener] = await start(t, {
    'a.yaml': ingress('a', 'a.example'),
    'b.yaml': ingress('b', 'b.example'),
  });
  const first = await listener.snapshot();
  await replaceFile(join(directory, 'b.yaml'), ingress('b', 'c.example'));
  const second = await listener.snapshot(hasHosts('a.example', 'c.example'));
  assert.equal(second.ingresses.get('default/a'), first.ingresses.get('default/a'));
  assert.equal(second.services, first.services);
  await mkdir(join(directory, 'sub'));
  await writeFile(join(directory, 'sub', 'd.yaml'), ingress('d', 'd.example'));
  await listener.snapshot(hasHosts('a.example', 'c.example', 'd.example'));
  await rm(join(directory, 'a.yaml'));
  await listener.snapshot(hasHosts('c.example', 'd.example'));
  await rm(join(directory, 'sub'), { recursive: true });
  await listener.snapshot(hasHosts('c.example'));
});

test('an edited document leaves the objects of its neighbours in the same file alone', async (t) => {
  const [directory, listener] = await start(t, { 'a.yaml': twoIngresses('b.example') });
  const first = await listener.snapshot();
  await replaceFile(join(directory, 'a.yaml'), `# moves all lines\n${twoIngresses('c.example')}`);
  const second = await listener.snapshot(hasHosts('a.example', 'c.example'));
  assert.equal(second.ingresses.get('default/a'), first.ingresses.get('default/a'));
});

test('a change of endpoints alone says so', async (t) => {
  const [directory, listener] = await start(t, { 'a.yaml': `${SERVICE}---\n${slice('10.0.0.1')}` });
  await replaceFile(join(directory, 'a.yaml'), `${SERVICE}---\n${slice('10.0.0.2')}`);
  const next = await listener.snapshot(
    (each) => each.endpointSlices.get('default/cart')?.[0]?.endpoints[0]?.address === '10.0.0.2',
  );
  assert.equal(next.endpointsOnly, true);
});

test('a syntax error keeps the last good objects of its file, and other files go on changing', async (t) => {
  const [directory, listener] = await start(t, {
    'a.yaml': ingress('a', 'a.example'),
    'b.yaml': ingress('b', 'b.example'),
  });
  await replaceFile(join(directory, 'a.yaml'), `${ingress('a', 'x.example')}\n]\n`);
  const broken = await listener.snapshot((each) => each.problems.length > 0);
  assert.deepEqual(hostsOf(broken), ['a.example', 'b.example']);
  assert.equal(broken.problems[0]?.code, 'config-syntax');
  assert.equal(broken.endpointsOnly, false);
  await replaceFile(join(directory, 'b.yaml'), ingress('b', 'c.example'));
  await listener.snapshot(hasHosts('a.example', 'c.example'));
  await replaceFile(join(directory, 'a.yaml'), ingress('a', 'x.example'));
  const repaired = await listener.snapshot(hasHosts('c.example', 'x.example'));
  assert.deepEqual(repaired.problems, []);
});

test('fifty edits in a row end with the last one', async (t) => {
  const [directory, listener] = await start(t, { 'a.yaml': ingress('a', 'a.example') });
  for (let edit = 1; edit <= 50; edit++) await writeFile(join(directory, 'a.yaml'), ingress('a', `n${edit}.example`));
  const last = await listener.snapshot(hasHosts('n50.example'));
  assert.equal(listener.snapshots.at(-1), last);
});

test('the swap of a mounted ConfigMap is one change from the old files to the new', async (t) => {
  const directory = await makeDirectory(t);
  for (const version of ['v1', 'v2']) {
    await mkdir(join(directory, `..${version}`));
    await writeFile(join(directory, `..${version}`, 'a.yaml'), ingress('a', `${version}.example`));
  }
  await symlink('..v1', join(directory, '..data'));
  await symlink('..data/a.yaml', join(directory, 'a.yaml'));
  const listener = follow(t, new ManifestSource(directory, NULL_LOGGER));
  await listener.snapshot(hasHosts('v1.example'));
  await symlink('..v2', join(directory, '..data_tmp'));
  await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  await rm(join(directory, '..v1'), { recursive: true });
  await listener.snapshot(hasHosts('v2.example'));
  assert.deepEqual(
    listener.snapshots.map((each) => hostsOf(each).join()),
    ['v1.example', 'v2.example'],
  );
});

test('a circle of directories is read once', async (t) => {
  const directory = await write(t, { 'a/a.yaml': ingress('a', 'a.example') });
  await symlink('..', join(directory, 'a', 'up'));
  const snapshot = await snapshotOf(directory);
  assert.deepEqual([hostsOf(snapshot), snapshot.problems], [['a.example'], []]);
});

test('when the whole directory goes, what runs stays, and its return is seen', async (t) => {
  const root = await makeDirectory(t);
  const directory = join(root, 'k8s');
  await mkdir(directory);
  await writeFile(join(directory, 'a.yaml'), ingress('a', 'a.example'));
  const listener = follow(t, new ManifestSource(directory, NULL_LOGGER));
  await listener.snapshot(hasHosts('a.example'));
  await rename(directory, join(root, 'away'));
  const problems = await listener.invalid();
  assert.match(problems[0]?.message ?? '', /k8s does not exist/);
  assert.equal(listener.snapshots.length, 1);
  await mkdir(directory);
  await writeFile(join(directory, 'a.yaml'), ingress('a', 'b.example'));
  await listener.snapshot(hasHosts('b.example'));
});

test('a file that can no longer be read keeps its objects and is reported', async (t) => {
  const [directory, listener] = await start(t, { 'a.yaml': ingress('a', 'a.example') });
  await writeFile(join(directory, 'a.yaml'), Buffer.from([0xff, 0xfe]));
  const broken = await listener.snapshot((each) => each.problems.length > 0);
  assert.deepEqual(hostsOf(broken), ['a.example']);
  assert.deepEqual(places(broken.problems, directory), ['a.yaml:1:1 file-unreadable ']);
  await replaceFile(join(directory, 'a.yaml'), ingress('a', 'a.example'));
  await listener.snapshot((each) => each.revision > broken.revision && each.problems.length === 0);
});

test('directories nested beyond reason are left out with a Problem', async (t) => {
  const deep = Array.from({ length: 17 }, () => 'd').join('/');
  const directory = await write(t, {
    'a.yaml': ingress('a', 'a.example'),
    [`${deep}/b.yaml`]: ingress('b', 'b.example'),
  });
  const snapshot = await snapshotOf(directory);
  assert.deepEqual(hostsOf(snapshot), ['a.example']);
  assert.deepEqual(places(snapshot.problems, directory), [`${deep}:1:1 file-unreadable `]);
});
