/** The static file followed on disk: the last edit wins, a broken one changes nothing, links are followed. */
import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import { StaticSource } from '../../src/watch/static-source.ts';
import { OTHER_CERT, OTHER_KEY, SHOP_CERT, SHOP_KEY } from './key-pair-fixtures.ts';
import { follow, makeDirectory, type RecordingListener, readOnce, replaceFile } from './source-fixture.ts';

const withWeight = (weight: number): string =>
  `upstreams: { a: { endpoints: [ { address: 127.0.0.1:80, weight: ${weight} } ] } }\nroutes: [ { upstream: a } ]\n`;
const weightOf = (snapshot: ObjectSnapshot): number | undefined =>
  snapshot.staticConfig?.upstreams.get('a')?.endpoints[0]?.weight;
const nameOf = (snapshot: ObjectSnapshot): string | undefined =>
  snapshot.staticConfig?.listeners?.[0]?.tls?.certificates[0]?.dnsNames[0];
const hasWeight = (weight: number) => (snapshot: ObjectSnapshot) => weightOf(snapshot) === weight;

interface Following {
  readonly directory: string;
  readonly file: string;
  readonly listener: RecordingListener;
}

async function start(t: TestContext, options: { readonly useEvents?: boolean } = {}): Promise<Following> {
  const directory = await makeDirectory(t);
  const file = join(directory, 'sluice.yaml');
  await writeFile(file, withWeight(1));
  const listener = follow(t, new StaticSource(file, NULL_LOGGER, options));
  await listener.snapshot(hasWeight(1));
  return { directory, file, listener };
}

test('fifty edits in a row end with the last one', async (t) => {
  const { file, listener } = await start(t);
  for (let weight = 2; weight <= 51; weight++) await writeFile(file, withWeight(weight));
  const last = await listener.snapshot(hasWeight(51));
  assert.equal(listener.snapshots.at(-1), last);
  const revisions = listener.snapshots.map((snapshot) => snapshot.revision);
  assert.deepEqual(
    revisions,
    revisions.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(revisions).size, revisions.length);
});

test('a broken edit is reported and never becomes a snapshot; the repaired file does', async (t) => {
  const { file, listener } = await start(t);
  await replaceFile(file, 'routes: [ { upstream: gone } ]\n');
  const problems = await listener.invalid((list) => list.length > 0);
  assert.deepEqual(
    problems.map(({ code, field, location }) => [code, field, location?.line, location?.column]),
    [['reference-not-found', 'routes[0].upstream', 1, 23]],
  );
  assert.equal(listener.snapshots.length, 1);
  await replaceFile(file, withWeight(2));
  await listener.snapshot(hasWeight(2));
});

test('a file replaced by renaming is read again', async (t) => {
  const { file, listener } = await start(t);
  await replaceFile(file, withWeight(2));
  await listener.snapshot(hasWeight(2));
  await replaceFile(file, withWeight(3));
  await listener.snapshot(hasWeight(3));
});

test('a file that is deleted and written anew is read again, and its loss reported in between', async (t) => {
  const { file, listener } = await start(t);
  await rm(file);
  const [problem] = await listener.invalid();
  assert.equal(problem?.code, 'file-unreadable');
  await writeFile(file, withWeight(2));
  await listener.snapshot(hasWeight(2));
});

test('the directory may be moved away and another take its place', async (t) => {
  const root = await makeDirectory(t);
  const file = join(root, 'conf', 'sluice.yaml');
  await mkdir(join(root, 'conf'));
  await writeFile(file, withWeight(1));
  const listener = follow(t, new StaticSource(file, NULL_LOGGER));
  await listener.snapshot(hasWeight(1));
  await mkdir(join(root, 'next'));
  await writeFile(join(root, 'next', 'sluice.yaml'), withWeight(2));
  await rename(join(root, 'conf'), join(root, 'old'));
  await rename(join(root, 'next'), join(root, 'conf'));
  await listener.snapshot(hasWeight(2));
  await writeFile(file, withWeight(3));
  await listener.snapshot(hasWeight(3));
});

test('a file that is not there at the start is taken up when it comes', async (t) => {
  const root = await makeDirectory(t);
  const file = join(root, 'a', 'b', 'sluice.yaml');
  const listener = follow(t, new StaticSource(file, NULL_LOGGER));
  const [problem] = await listener.invalid();
  assert.match(problem?.message ?? '', /sluice.yaml does not exist/);
  await mkdir(join(root, 'a', 'b'), { recursive: true });
  await writeFile(file, withWeight(1));
  await listener.snapshot(hasWeight(1));
});

test('the swap of a symbolic link above the file, as in a mounted ConfigMap, is seen', async (t) => {
  const root = await makeDirectory(t);
  for (const weight of [1, 2, 3]) {
    await mkdir(join(root, `..v${weight}`));
    await writeFile(join(root, `..v${weight}`, 'sluice.yaml'), withWeight(weight));
  }
  await symlink('..v1', join(root, '..data'));
  await symlink('..data/sluice.yaml', join(root, 'sluice.yaml'));
  const listener = follow(t, new StaticSource(join(root, 'sluice.yaml'), NULL_LOGGER));
  await listener.snapshot(hasWeight(1));
  for (const weight of [2, 3]) {
    await symlink(`..v${weight}`, join(root, '..data_tmp'));
    await rename(join(root, '..data_tmp'), join(root, '..data'));
    await rm(join(root, `..v${weight - 1}`), { recursive: true });
    await listener.snapshot(hasWeight(weight));
  }
});

test('a renewed certificate is taken up, and half a renewal is reported', async (t) => {
  const directory = await makeDirectory(t);
  const file = join(directory, 'sluice.yaml');
  const certificate = join(directory, 'tls.crt');
  const key = join(directory, 'tls.key');
  await writeFile(certificate, SHOP_CERT);
  await writeFile(key, SHOP_KEY);
  await writeFile(
    file,
    'listeners: [ { name: a, port: 1, tls: { certificates: [ { certFile: tls.crt, keyFile: tls.key } ] } } ]',
  );
  const listener = follow(t, new StaticSource(file, NULL_LOGGER));
  await listener.snapshot((snapshot) => nameOf(snapshot) === 'shop.example');
  await replaceFile(certificate, OTHER_CERT);
  const [problem] = await listener.invalid();
  assert.equal(problem?.field, 'listeners[0].tls.certificates[0].certFile');
  assert.doesNotMatch(problem.message, /BEGIN/);
  await replaceFile(key, OTHER_KEY);
  await listener.snapshot((snapshot) => nameOf(snapshot) === 'other.example');
});

test('an edit that changes nothing emits nothing', async (t) => {
  const { file, listener } = await start(t);
  await replaceFile(file, `# a comment\n${withWeight(1)}`);
  await replaceFile(file, withWeight(2));
  await listener.snapshot(hasWeight(2));
  assert.deepEqual(listener.snapshots.map(weightOf), [1, 2]);
});

test('a single reading emits one snapshot or one report and ends', async (t) => {
  const file = join(await makeDirectory(t), 'sluice.yaml');
  const missing = await readOnce(new StaticSource(file, NULL_LOGGER));
  assert.equal('problems' in missing && missing.problems[0]?.code, 'file-unreadable');
  await writeFile(file, withWeight(4));
  const source = new StaticSource(file, NULL_LOGGER);
  const found = await readOnce(source);
  assert.ok('snapshot' in found);
  assert.equal(weightOf(found.snapshot), 4);
  assert.equal(found.snapshot.endpointsOnly, false);
  const ref = { kind: 'StaticConfig', namespace: '', name: file };
  assert.deepEqual(source.locate(ref, 'routes[0].upstream'), { file, line: 2, column: 23 });
  assert.equal(source.locate({ ...ref, kind: 'Ingress' }, ''), null);
});
