/** When what is served is written: not too often, and the newest always in the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import { SnapshotWriter } from '../../src/watch/snapshot-writer.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { snapshot } from '../support/fixtures.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

interface Write {
  readonly revision: number;
  readonly atMs: number;
  readonly finish: (error?: Error) => Promise<void>;
}

/** A writer whose disk takes as long, and does what, the test says. */
class Fixture {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly writes: Write[] = [];
  readonly writer = new SnapshotWriter({
    clock: this.clock,
    logger: this.logger,
    spacingMs: 10_000,
    write: (kept) => {
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      const finish = async (error?: Error): Promise<void> => {
        if (error === undefined) resolve(1);
        else reject(error);
        // What follows a write are promises only.
        await new Promise(setImmediate);
      };
      this.writes.push({ revision: kept.revision, atMs: this.clock.nowMs(), finish });
      return promise;
    },
  });

  note(revision: number): ObjectSnapshot {
    const each = snapshot({ rest: { revision } });
    this.writer.note(each);
    return each;
  }

  async finishLast(error?: Error): Promise<void> {
    await this.writes.at(-1)?.finish(error);
  }

  written(): readonly (readonly [revision: number, atMs: number])[] {
    return this.writes.map(({ revision, atMs }) => [revision, atMs]);
  }
}

test('the first snapshot is written at once, those that follow at the bounded rate, each time the newest', async () => {
  const fixture = new Fixture();
  fixture.note(1);
  fixture.clock.advanceTo(0);
  await fixture.finishLast();
  fixture.note(2);
  fixture.clock.advanceTo(4_000);
  fixture.note(3);
  fixture.clock.advanceTo(9_999);
  assert.deepEqual(fixture.written(), [[1, 0]]);
  fixture.clock.advanceTo(10_000);
  await fixture.finishLast();
  fixture.clock.advanceTo(60_000);
  assert.deepEqual(fixture.written(), [
    [1, 0],
    [3, 10_000],
  ]);
  fixture.note(4);
  fixture.clock.advanceTo(60_000);
  assert.deepEqual(fixture.written().at(-1), [4, 60_000]);
  assert.equal(fixture.clock.pending, 0);
});

test('a change that comes during a write is written after it', async () => {
  const fixture = new Fixture();
  fixture.note(1);
  fixture.clock.advanceTo(0);
  fixture.note(2);
  fixture.clock.advanceTo(50_000);
  assert.deepEqual(fixture.written(), [[1, 0]]);
  await fixture.finishLast();
  // 50 s for one write: the next begins when twenty times that has passed.
  fixture.clock.advanceTo(999_999);
  assert.equal(fixture.writes.length, 1);
  fixture.clock.advanceTo(1_000_000);
  assert.deepEqual(fixture.written().at(-1), [2, 1_000_000]);
});

test('closing writes what waits, without waiting for its turn, and ends it', async () => {
  const fixture = new Fixture();
  fixture.note(1);
  fixture.clock.advanceTo(0);
  await fixture.finishLast();
  fixture.note(2);
  const closed = fixture.writer.close();
  await new Promise(setImmediate);
  assert.deepEqual(fixture.written().at(-1), [2, 0]);
  await fixture.finishLast();
  await closed;
  fixture.note(3);
  fixture.clock.advanceTo(100_000);
  assert.equal(fixture.writes.length, 2);
});

test('closing during a write waits for it, and then writes what came meanwhile', async () => {
  const fixture = new Fixture();
  fixture.note(1);
  fixture.clock.advanceTo(0);
  fixture.note(2);
  let closed = false;
  const closing = fixture.writer.close().then(() => {
    closed = true;
  });
  await fixture.finishLast();
  assert.deepEqual(fixture.written(), [
    [1, 0],
    [2, 0],
  ]);
  assert.equal(closed, false);
  await fixture.finishLast();
  await closing;
});

test('closing with nothing to write writes nothing', async () => {
  const fixture = new Fixture();
  await fixture.writer.close();
  assert.equal(fixture.writes.length, 0);
});

test('a write that fails is repeated with the newest, said once, and its end is said too', async () => {
  const fixture = new Fixture();
  fixture.note(1);
  fixture.clock.advanceTo(0);
  await fixture.finishLast(new Error('no space'));
  fixture.clock.advanceTo(10_000);
  await fixture.finishLast(new Error('no space'));
  fixture.note(2);
  fixture.clock.advanceTo(20_000);
  assert.equal(fixture.writer.lastWrittenAt, 0);
  await fixture.finishLast();
  fixture.clock.advanceTo(100_000);
  assert.deepEqual(fixture.written(), [
    [1, 0],
    [1, 10_000],
    [2, 20_000],
  ]);
  assert.equal(fixture.writer.failures, 2);
  assert.notEqual(fixture.writer.lastWrittenAt, 0);
  assert.deepEqual(
    fixture.logger.lines.filter(({ level }) => level !== 'debug').map(({ level, message }) => `${level} ${message}`),
    ['warn snapshot cannot be written, the one before stands', 'info snapshot can be written again'],
  );
});
