/** The file with the states of releases: what a restart finds, and what is refused. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ReleaseFile } from '../../src/release/release-file.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { releaseState } from '../support/release.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-releases-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test('nothing is written before there is something to keep, and a restart finds what was kept', async (t: TestContext) => {
  const path = await folder(t);
  const file = join(path, 'a.releases.json');
  const logger = new RecordingLogger();
  const first = await ReleaseFile.open(file, logger);
  assert.equal(first.states.size, 0);
  assert.deepEqual(await readdir(path), []);
  assert.deepEqual(
    await Promise.all([
      first.store('a', releaseState()),
      first.store('b', releaseState({ step: 1 })),
      first.store('a', releaseState({ step: 2 })),
    ]),
    ['', '', ''],
  );
  const second = await ReleaseFile.open(file, logger);
  assert.deepEqual(
    [...second.states],
    [
      ['a', releaseState({ step: 2 })],
      ['b', releaseState({ step: 1 })],
    ],
  );
  assert.deepEqual(await readdir(path), ['a.releases.json']);
  assert.deepEqual(logger.lines, []);
});

test('what was forgotten is gone with the next write', async (t: TestContext) => {
  const file = join(await folder(t), 'a.json');
  const first = await ReleaseFile.open(file, new RecordingLogger());
  await first.store('a', releaseState());
  first.forget('a');
  await first.store('b', releaseState());
  assert.deepEqual([...(await ReleaseFile.open(file, new RecordingLogger())).states.keys()], ['b']);
});

const whole = JSON.stringify({ format: 'sluice releases', version: 1, releases: { a: releaseState() } });
const refused: readonly (readonly [name: string, text: string, reason: RegExp])[] = [
  ['a file that is cut off', whole.slice(0, 60), /not json/],
  ['a file of somebody else', '{"releases":{}}', /none of sluice/],
  ['a list', '[]', /damaged/],
  ['a file of another version', whole.replace('"version":1', '"version":2'), /version 2, this release reads 1/],
  ['a version as long as a book', whole.replace('"version":1', `"version":"${'9'.repeat(9_999)}"`), /version 9{40}, /],
  ['a state with a wrong phase', whole.replace('running', 'flying'), /state of "a" is damaged: expected a phase/],
  ['a name of unreasonable length', whole.replace('"a"', JSON.stringify('a'.repeat(2_000))), /1024 characters/],
];

for (const [name, text, reason] of refused) {
  test(`${name} is put aside with one line, and its releases begin anew`, async (t: TestContext) => {
    const path = await folder(t);
    const file = join(path, 'a.json');
    await writeFile(file, text);
    const logger = new RecordingLogger();
    const opened = await ReleaseFile.open(file, logger);
    assert.equal(opened.states.size, 0);
    assert.deepEqual(logger.messages(), ['state of releases refused']);
    assert.match(String(logger.lines[0]?.fields['reason']), reason);
    assert.equal(await readFile(`${file}.refused`, 'utf8'), text);
    assert.equal(await opened.store('b', releaseState()), '');
  });
}

test('what is no file is neither moved nor replaced, and takes no states', async (t: TestContext) => {
  const path = await folder(t);
  const taken = join(path, 'data');
  await mkdir(taken);
  const logger = new RecordingLogger();
  const file = await ReleaseFile.open(taken, logger);
  assert.deepEqual(logger.messages(), ['state of releases refused']);
  assert.match(await file.store('a', releaseState()), /data: it is a directory or device, not a file; name a file/);
  assert.equal(file.states.size, 0);
  assert.deepEqual(await readdir(path), ['data']);
});

test('a state that cannot be written is not kept, and the fault says what to do', async (t: TestContext) => {
  const file = join(await folder(t), 'missing', 'a.json');
  const opened = await ReleaseFile.open(file, new RecordingLogger());
  const fault = `${file} cannot be written (ENOENT); name a file that can be written with --release-state`;
  // The same each time: it is logged when it changes.
  assert.equal(await opened.store('a', releaseState()), fault);
  assert.equal(await opened.store('a', releaseState()), fault);
  assert.equal(opened.states.size, 0);
});

/** The name of a file that a process was killed while writing. */
function half(name: string, digit: string): string {
  const [four, twelve] = [digit.repeat(4), digit.repeat(12)];
  return `${name}.${digit.repeat(8)}-${four}-${four}-${four}-${twelve}.tmp`;
}

test('what killed processes left half-written goes at the start, and nothing else does', async (t: TestContext) => {
  const path = await folder(t);
  const file = join(path, 'a.json');
  const others = [
    half('b.json', '1'),
    half('aXjson', '1'),
    `${half('a.json', '1')}.tmp`,
    'a.json.tmp',
    'a.json.backup.tmp',
    half('a.json', 'g'),
    half('a.json.refused', '1'),
  ];
  await Promise.all([...others, 'precious'].map((name) => writeFile(join(path, name), 'of somebody else')));
  await mkdir(join(path, half('a.json', '2')));
  await symlink(join(path, 'precious'), join(path, half('a.json', '3')));
  await writeFile(join(path, half('a.json', '4')), '{"format":');
  await writeFile(join(path, half('a.json', 'f')), '');
  await writeFile(file, whole);
  const opened = await ReleaseFile.open(file, new RecordingLogger());
  assert.deepEqual([...opened.states.keys()], ['a']);
  const kept = [...others, 'precious', 'a.json', half('a.json', '2'), half('a.json', '3')];
  assert.deepEqual((await readdir(path)).toSorted(), kept.toSorted());
  assert.equal(await readFile(join(path, 'precious'), 'utf8'), 'of somebody else');
});
