/** Only a directory that is ours alone will do: whoever else may write there decides what is served. */
import assert from 'node:assert/strict';
import { chmod, chown, mkdir, readdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { prepareSnapshotDirectory, setAside } from '../../src/watch/snapshot-directory.ts';
import { makeDirectory } from './source-fixture.ts';

const NOW_MS = 1_700_000_000_000;

test('a directory that is missing is created for this user alone, with those above it', async (t) => {
  const directory = join(await makeDirectory(t), 'above', 'kept');
  await prepareSnapshotDirectory(directory, NOW_MS);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
});

for (const mode of [0o700, 0o750, 0o755]) {
  test(`a directory of mode ${mode.toString(8)} will do`, async (t) => {
    const directory = await makeDirectory(t);
    await chmod(directory, mode);
    await prepareSnapshotDirectory(directory, NOW_MS);
  });
}

for (const mode of [0o777, 0o770, 0o702, 0o1777]) {
  test(`a directory of mode ${mode.toString(8)} is refused, with what would be right`, async (t) => {
    const directory = await makeDirectory(t);
    await chmod(directory, mode);
    const octal = (mode & 0o777).toString(8);
    await assert.rejects(prepareSnapshotDirectory(directory, NOW_MS), {
      message: `others may write to it (mode 0${octal}): name a directory inside it, which will be created with mode 0700, or change its mode to 0700`,
    });
    await prepareSnapshotDirectory(join(directory, 'inside'), NOW_MS);
  });
}

test('a directory of another user is refused', {
  skip: process.geteuid?.() !== 0 && 'only root gives away',
}, async (t) => {
  const directory = await makeDirectory(t);
  await chown(directory, 4_321, 0);
  await assert.rejects(prepareSnapshotDirectory(directory, NOW_MS), {
    message: 'it belongs to user 4321, and this process runs as user 0: whoever owns it could replace it',
  });
});

test('what is no directory, or cannot be one, is refused with the reason', async (t) => {
  const directory = await makeDirectory(t);
  const file = join(directory, 'file');
  await writeFile(file, '');
  await symlink('nowhere', join(directory, 'dangling'));
  await assert.rejects(prepareSnapshotDirectory(file, NOW_MS), { message: 'it is not a directory' });
  await assert.rejects(
    prepareSnapshotDirectory(join(file, 'below'), NOW_MS),
    /^Error: it does not exist: a part of its/,
  );
  await assert.rejects(prepareSnapshotDirectory(join(directory, 'dangling'), NOW_MS), /^Error: it /);
});

test('files that were never finished go once they are old, and nothing else does', async (t) => {
  const directory = await makeDirectory(t);
  const names = ['snapshot.jsonl.a.tmp', 'snapshot.jsonl.b.tmp', 'snapshot.jsonl', 'notes.tmp'];
  for (const name of names) {
    await writeFile(join(directory, name), '');
    const written = (NOW_MS - (name.includes('.b.') ? 599_000 : 601_000)) / 1000;
    await utimes(join(directory, name), written, written);
  }
  await prepareSnapshotDirectory(directory, NOW_MS);
  assert.deepEqual((await readdir(directory)).toSorted(), ['notes.tmp', 'snapshot.jsonl', 'snapshot.jsonl.b.tmp']);
});

test('a refused file is kept beside the next one, and only the last of them', async (t) => {
  const directory = await makeDirectory(t);
  await mkdir(join(directory, 'other'));
  for (const text of ['first', 'second']) {
    await writeFile(join(directory, 'snapshot.jsonl'), text);
    assert.equal(await setAside(directory), join(directory, 'snapshot.jsonl.refused'));
  }
  assert.deepEqual((await readdir(directory)).toSorted(), ['other', 'snapshot.jsonl.refused']);
});
