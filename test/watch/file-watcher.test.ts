/** When the watcher says "look again": once a burst is over, at the latest after its cap, and by comparing where events fail. */
import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { test } from 'node:test';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import { FileWatcher } from '../../src/watch/file-watcher.ts';
import { readTextFile } from '../../src/watch/text-file.ts';
import { findWatchPoints } from '../../src/watch/watch-points.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { makeDirectory, replaceFile } from './source-fixture.ts';

/** A fake clock on which each newly planned run can be waited for. */
class WatchedClock extends FakeClock {
  #wake: () => void = () => {};

  override schedule(delayMs: number, run: () => void): () => void {
    const cancel = super.schedule(delayMs, run);
    this.#wake();
    return cancel;
  }

  scheduled(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

test('without events a change is found by comparing, and said once', async (t) => {
  const file = join(await makeDirectory(t), 'a.yaml');
  await writeFile(file, 'one');
  const clock = new WatchedClock();
  let changes = 0;
  const watcher = new FileWatcher(() => changes++, { logger: NULL_LOGGER, clock, useEvents: false });
  t.after(() => watcher.close());
  await watcher.watch([file]);

  const unchanged = clock.scheduled();
  clock.advanceTo(2_000);
  await unchanged;
  clock.advanceTo(3_000);
  assert.equal(changes, 0);

  await replaceFile(file, 'two');
  const seen = clock.scheduled();
  clock.advanceTo(4_000);
  await seen;
  clock.advanceTo(4_049);
  assert.equal(changes, 0);
  clock.advanceTo(4_050);
  assert.equal(changes, 1);
});

test('a burst of events is one change, after quiet or at the latest after the cap', async (t) => {
  const directory = await makeDirectory(t);
  const clock = new WatchedClock();
  let changes = 0;
  const watcher = new FileWatcher(() => changes++, { logger: NULL_LOGGER, clock });
  t.after(() => watcher.close());
  await watcher.watch([directory]);
  for (let atMs = 0; atMs <= 240; atMs += 40) {
    const event = clock.scheduled();
    await writeFile(join(directory, `${atMs}.yaml`), 'x');
    await event;
    clock.advanceTo(atMs + 39);
    assert.equal(changes, 0);
  }
  clock.advanceTo(300);
  assert.equal(changes, 1);
});

test('after closing nothing is planned and nothing is said', async (t) => {
  const directory = await makeDirectory(t);
  const clock = new FakeClock();
  const watcher = new FileWatcher(() => assert.fail('said after closing'), { logger: NULL_LOGGER, clock });
  await watcher.watch([directory]);
  watcher.close();
  assert.equal(clock.pending, 0);
  clock.advanceTo(10_000);
});

test('every link on the way to a file is a place to watch', async (t) => {
  const root = await makeDirectory(t);
  await mkdir(join(root, 'real/conf'), { recursive: true });
  await writeFile(join(root, 'real/conf/a.yaml'), '');
  await symlink('real', join(root, 'link'));
  await symlink(join(root, 'link', 'conf', 'a.yaml'), join(root, 'a.yaml'));
  const points = await findWatchPoints([join(root, 'a.yaml'), join(root, 'missing', 'b.yaml'), join(root, 'real')]);
  const seen = [...points].map(([path, names]) => [path.slice(root.length).split(sep).join('/'), names && [...names]]);
  assert.deepEqual(
    seen.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    [
      ['', ['a.yaml', 'link', 'missing', 'real']],
      ['/real', null],
      ['/real/conf', ['a.yaml']],
    ],
  );
});

test('a circle of links ends', async (t) => {
  const root = await makeDirectory(t);
  await symlink('b', join(root, 'a'));
  await symlink('a', join(root, 'b'));
  const points = await findWatchPoints([join(root, 'a')]);
  assert.deepEqual([...(points.get(root) ?? [])], ['a', 'b']);
});

test('only regular UTF-8 files of bounded size are read', async (t) => {
  const root = await makeDirectory(t);
  await writeFile(join(root, 'good'), '\ufeffgrün');
  await writeFile(join(root, 'binary'), Buffer.from([0xff, 0xfe]));
  await writeFile(join(root, 'large'), 'x'.repeat(101));
  await symlink('loop', join(root, 'loop'));
  const results: string[] = [];
  for (const name of ['good', 'binary', 'large', 'loop', 'none', 'good/below', '.']) {
    const result = await readTextFile(join(root, name), 100);
    results.push('text' in result ? result.text : `${result.error}${result.absent ? ' (absent)' : ''}`);
  }
  assert.deepEqual(results, [
    'grün',
    'is not UTF-8 text',
    'has 101 bytes; at most 100',
    'is a loop of symbolic links',
    'does not exist (absent)',
    'does not exist: a part of its path is no directory (absent)',
    'is not a regular file',
  ]);
});
