/** What is written to disk comes back as it was, or not at all. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import { findSecretReferences } from '../../src/watch/secret-references.ts';
import {
  MAX_SNAPSHOT_BYTES,
  readSnapshotFile,
  SNAPSHOT_FILE,
  SnapshotRefusedError,
  writeSnapshotFile,
} from '../../src/watch/snapshot-file.ts';
import { arbitrarySnapshot } from '../support/arbitrary-snapshot.ts';
import { ingress, service, slice, snapshot, tlsSecret } from '../support/fixtures.ts';
import { makeDirectory } from './source-fixture.ts';

const SCOPE = { namespaces: [], defaultTlsSecret: 'sluice/default' };
const KEPT = snapshot({
  ingresses: [ingress('shop/web').rule('shop.example', '/', 'web:80').tls('cert', 'shop.example')],
  services: [service('shop/web')],
  slices: [slice('shop/web', ['10.0.0.1'])],
  secrets: [tlsSecret('shop/cert', 'shop.example')],
});

function write(directory: string, kept: ObjectSnapshot, maxBytes = MAX_SNAPSHOT_BYTES): Promise<number> {
  return writeSnapshotFile(kept, { ...SCOPE, directory, writtenAt: 1_700_000_000_000, maxBytes });
}

function byKey<T extends { readonly key: string }>(objects: readonly T[]): readonly T[] {
  return objects.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** All that is kept of a snapshot; undefined = there is none. */
function contents(of: ObjectSnapshot | undefined): unknown {
  if (of === undefined) return undefined;
  const { ingresses, ingressClasses, services, endpointSlices, tlsSecrets } = of;
  return structuredClone({
    ingresses: new Map(ingresses),
    ingressClasses: ingressClasses === null ? null : new Map(ingressClasses),
    services: new Map(services),
    tlsSecrets: new Map(tlsSecrets),
    endpointSlices: new Map([...endpointSlices].map(([key, slices]) => [key, byKey(slices)])),
  });
}

test('a snapshot comes back with everything that was served, and when it was written', async (t) => {
  const directory = await makeDirectory(t);
  const bytes = await write(directory, KEPT);
  const file = join(directory, SNAPSHOT_FILE);
  const back = await readSnapshotFile(file, SCOPE);
  assert.deepEqual(contents(back?.snapshot), contents(KEPT));
  assert.equal(back?.snapshot.endpointsOnly, false);
  assert.equal(back?.writtenAt, 1_700_000_000_000);
  const stats = await stat(file);
  assert.equal(stats.size, bytes);
  assert.equal(stats.mode & 0o777, 0o600);
});

test('of the keys only those that something refers to are written', async (t) => {
  const directory = await makeDirectory(t);
  const names = ['shop/cert', 'shop/by-name', 'other/by-key', 'shop/second', 'shop/of-service', 'sluice/default'];
  await write(
    directory,
    snapshot({
      ingresses: [
        ingress('shop/web').tls('cert', 'shop.example').annotate({ a: 'by-name', b: 'other/by-key', c: 'x, second' }),
      ],
      services: [service('shop/web', { annotations: { 'sluice.dev/x': 'of-service' } })],
      secrets: [...names, 'shop/nobody', 'blog/cert', 'blog/by-name'].map((key) => tlsSecret(key)),
    }),
  );
  const back = await readSnapshotFile(join(directory, SNAPSHOT_FILE), SCOPE);
  assert.deepEqual([...(back?.snapshot.tlsSecrets.keys() ?? [])].toSorted(), names.toSorted());
});

/** No two objects of a cluster have the same key, which those of the generator may. */
function withDistinctSlices(generated: ObjectSnapshot): ObjectSnapshot {
  const endpointSlices = new Map(
    [...generated.endpointSlices].map(([owner, slices]) => [
      owner,
      slices.map((each, place) => ({ ...each, key: `${each.key}-${place}` })),
    ]),
  );
  return { ...generated, endpointSlices };
}

/** Those that nobody refers to are not kept. */
function withoutUnusedSecrets(generated: ObjectSnapshot): ObjectSnapshot {
  const used = findSecretReferences(generated);
  return { ...generated, tlsSecrets: new Map([...generated.tlsSecrets].filter(([key]) => used.has(key))) };
}

test('any snapshot of a cluster comes back as it was', async (t) => {
  const directory = await makeDirectory(t);
  const file = join(directory, SNAPSHOT_FILE);
  await fc.assert(
    fc.asyncProperty(arbitrarySnapshot, async (generated) => {
      const each = withoutUnusedSecrets(withDistinctSlices(generated));
      await write(directory, each);
      assert.deepEqual(contents((await readSnapshotFile(file, SCOPE))?.snapshot), contents(each));
    }),
    { numRuns: 50 },
  );
});

test('classes that could not be read are still unreadable', async (t) => {
  const directory = await makeDirectory(t);
  await write(directory, { ...KEPT, ingressClasses: null });
  const back = await readSnapshotFile(join(directory, SNAPSHOT_FILE), SCOPE);
  assert.equal(back?.snapshot.ingressClasses, null);
});

test('without a file there is no snapshot', async (t) => {
  const directory = await makeDirectory(t);
  assert.equal(await readSnapshotFile(join(directory, SNAPSHOT_FILE), SCOPE), null);
});

test('a write that fails leaves the file before it, and nothing else', async (t) => {
  const directory = await makeDirectory(t);
  const bytes = await write(directory, KEPT);
  const before = await readFile(join(directory, SNAPSHOT_FILE), 'utf8');
  await assert.rejects(write(directory, KEPT, bytes - 1), /would be larger than/);
  assert.deepEqual(await readdir(directory), [SNAPSHOT_FILE]);
  assert.equal(await readFile(join(directory, SNAPSHOT_FILE), 'utf8'), before);
  await mkdir(join(directory, 'other'));
  await rename(join(directory, SNAPSHOT_FILE), join(directory, 'kept'));
  await mkdir(join(directory, SNAPSHOT_FILE));
  await assert.rejects(write(directory, KEPT), { code: 'EISDIR' });
  assert.deepEqual((await readdir(directory)).toSorted(), ['kept', 'other', SNAPSHOT_FILE]);
});

/** The lines of a file with another end, so that only what was changed can be what is wrong with it. */
function seal(lines: readonly string[]): string {
  const text = lines.map((line) => `${line}\n`).join('');
  const sha256 = createHash('sha256').update(text).digest('hex');
  return `${text}${JSON.stringify({ end: { objects: lines.length - 1, sha256 } })}\n`;
}

interface Damage {
  readonly name: string;
  readonly change: (text: string) => string;
  readonly message: RegExp;
}

const lines = (text: string): string[] => text.trimEnd().split('\n').slice(0, -1);
const withHead =
  (part: object) =>
  (text: string): string => {
    const [head = '', ...rest] = lines(text);
    return seal([JSON.stringify({ ...(JSON.parse(head) as object), ...part }), ...rest]);
  };

const damages: readonly Damage[] = [
  { name: 'empty', change: () => '', message: /is cut off/ },
  { name: 'cut off in the middle of a line', change: (text) => text.slice(0, text.length >> 1), message: /is cut off/ },
  {
    name: 'cut off between two lines',
    change: (text) => `${text.split('\n').slice(0, 3).join('\n')}\n`,
    message: /is cut off/,
  },
  {
    name: 'changed in one letter',
    change: (text) => text.replace('shop.example', 'shqp.example'),
    message: /does not match its checksum/,
  },
  {
    name: 'without one object',
    change: (text) => text.split('\n').toSpliced(1, 1).join('\n'),
    message: /does not match its checksum/,
  },
  { name: 'followed by more', change: (text) => `${text}{}\n`, message: /goes on behind its end/ },
  { name: 'no JSON', change: (text) => text.replace('{"kind"', '{kind'), message: /a line that is not json/ },
  { name: 'something else', change: () => '{"apiVersion":"v1"}\n', message: /is none of sluice/ },
  {
    name: 'of a later version, whatever that looks like',
    change: () => '{"format":"sluice-snapshot","version":2}\nbinary from here on',
    message: /has version 2 of newer releases; this one reads 1 to 1/,
  },
  { name: 'of an earlier version', change: withHead({ version: 0 }), message: /has version 0 of older releases/ },
  { name: 'without its time', change: withHead({ writtenAt: null }), message: /has a damaged head/ },
  {
    name: 'of other namespaces',
    change: withHead({ namespaces: ['blog', 'shop'] }),
    message: /holds blog, shop, this controller watches the whole cluster/,
  },
  {
    name: 'with an object of another shape',
    change: (text) => {
      const [head = '', first = '', ...rest] = lines(text);
      return seal([head, first.replace('"createdAt"', '"created"'), ...rest]);
    },
    message: /holds an unusable object in line 2: object\.createdAt is not what it should be/,
  },
  {
    name: 'with an object of an unknown kind',
    change: (text) => seal([lines(text)[0] ?? '', '{"kind":"Gateway","object":{}}']),
    message: /holds an unusable object in line 2: kind/,
  },
  {
    name: 'with a line that does not end',
    change: (text) => text + 'x'.repeat(9 * 1024 * 1024),
    message: /holds a line that is too long/,
  },
];

async function damaged(t: TestContext, change: (text: string) => string): Promise<string> {
  const directory = await makeDirectory(t);
  await write(directory, KEPT);
  const file = join(directory, SNAPSHOT_FILE);
  const text = await readFile(file, 'utf8');
  const changed = change(text);
  assert.notEqual(changed, text);
  await writeFile(file, changed);
  return file;
}

for (const { name, change, message } of damages) {
  test(`a file that is ${name} is refused, and nothing of it is told`, async (t) => {
    const file = await damaged(t, change);
    await assert.rejects(readSnapshotFile(file, SCOPE), (error: Error) => {
      assert.ok(error instanceof SnapshotRefusedError, String(error));
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /PRIVATE|shop\.example/);
      return true;
    });
  });
}

test('a file that is only sealed anew is read: what the other cases refuse is their damage', async (t) => {
  const directory = await makeDirectory(t);
  await write(directory, KEPT);
  const file = join(directory, SNAPSHOT_FILE);
  const text = await readFile(file, 'utf8');
  assert.equal(seal(lines(text)), text);
});

test('a file that others may write is refused, and so is what is no file', async (t) => {
  const directory = await makeDirectory(t);
  await write(directory, KEPT);
  const file = join(directory, SNAPSHOT_FILE);
  await symlink(file, join(directory, 'link'));
  await assert.rejects(readSnapshotFile(join(directory, 'link'), SCOPE), SnapshotRefusedError);
  await assert.rejects(readSnapshotFile(directory, SCOPE), /is not a regular file/);
  await chmod(file, 0o620);
  await assert.rejects(readSnapshotFile(file, SCOPE), /may be written by others/);
});
