/** Which snapshot is handed out when the source has none yet, and what is kept of those that come. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import { LastKnownGood, openLastKnownGood } from '../../src/watch/last-known-good.ts';
import { SnapshotWriter } from '../../src/watch/snapshot-writer.ts';
import type { ConfigSource, SnapshotListener } from '../../src/watch/source.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ingress, snapshot } from '../support/fixtures.ts';
import { RecordingLogger } from '../support/recording-logger.ts';
import { makeDirectory, RecordingListener } from './source-fixture.ts';

const EARLIER = snapshot({ ingresses: [ingress('shop/earlier')] });
const FRESH = snapshot({ ingresses: [ingress('shop/fresh')] });

/** A source that reports what the test tells it to. */
class ToldSource implements ConfigSource {
  readonly name = 'kubernetes';
  listener: SnapshotListener | null = null;

  start(listener: SnapshotListener, signal: AbortSignal): Promise<void> {
    this.listener = listener;
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  locate(): null {
    return null;
  }
}

class Fixture {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly written: ObjectSnapshot[] = [];
  readonly source = new ToldSource();
  readonly listener = new RecordingListener();
  readonly end = new AbortController();
  readonly kept: LastKnownGood;

  constructor(stored: ObjectSnapshot | null = EARLIER) {
    const { clock, logger } = this;
    const write = async (each: ObjectSnapshot): Promise<number> => this.written.push(each);
    this.kept = new LastKnownGood({
      stored: stored === null ? null : { snapshot: stored, writtenAt: Date.now() - 60_000 },
      writer: new SnapshotWriter({ write, clock, logger, spacingMs: 10_000 }),
      clock,
      logger,
      graceMs: 5_000,
    });
    void this.kept.backUp(this.source).start(this.listener, this.end.signal);
  }

  /** What arrived, by the names of the Ingresses. */
  arrived(): readonly string[] {
    return this.listener.snapshots.map(({ ingresses }) => [...ingresses.keys()].join());
  }

  applyLast(): void {
    const last = this.listener.snapshots.at(-1);
    if (last !== undefined) this.kept.noteApplied(last);
  }
}

test('a source that is complete in time is all that is served', () => {
  const fixture = new Fixture();
  fixture.clock.advanceTo(4_999);
  fixture.source.listener?.onSnapshot(FRESH);
  fixture.clock.advanceTo(60_000);
  fixture.source.listener?.onUnreachable?.();
  assert.deepEqual(fixture.arrived(), ['shop/fresh']);
  assert.deepEqual(fixture.logger.messages(), []);
});

test('a source that takes too long is stood in for, until it is complete', () => {
  const fixture = new Fixture();
  fixture.clock.advanceTo(4_999);
  assert.deepEqual(fixture.arrived(), []);
  fixture.clock.advanceTo(5_000);
  assert.deepEqual(fixture.arrived(), ['shop/earlier']);
  fixture.source.listener?.onSnapshot(FRESH);
  fixture.source.listener?.onUnreachable?.();
  assert.deepEqual(fixture.arrived(), ['shop/earlier', 'shop/fresh']);
});

test('a source that cannot be reached is stood in for at once, and once', () => {
  const fixture = new Fixture();
  fixture.source.listener?.onUnreachable?.();
  fixture.source.listener?.onUnreachable?.();
  fixture.clock.advanceTo(60_000);
  assert.deepEqual(fixture.arrived(), ['shop/earlier']);
  const [line] = fixture.logger.lines;
  assert.equal(line?.level, 'warn');
  assert.equal(line?.message, 'serving the snapshot of an earlier run');
  assert.equal(line?.fields['reason'], 'the api server cannot be used');
  assert.ok(Number(line?.fields['ageMs']) >= 60_000);
});

test('what the source tells after it has the higher revision, and is no change of endpoints only', () => {
  const fixture = new Fixture();
  fixture.source.listener?.onUnreachable?.();
  fixture.source.listener?.onSnapshot(FRESH);
  const [earlier, fresh] = fixture.listener.snapshots;
  assert.ok(fresh !== undefined && earlier !== undefined && fresh.revision > earlier.revision);
  assert.equal(fresh.endpointsOnly, false);
});

test('the status says what is in force, not what was handed out', () => {
  const fixture = new Fixture();
  fixture.source.listener?.onUnreachable?.();
  assert.deepEqual(fixture.kept.status().serving, false);
  fixture.applyLast();
  const { serving, ageMs } = fixture.kept.status();
  assert.ok(serving && ageMs >= 60_000 && ageMs < 600_000, `${serving} ${ageMs}`);
  fixture.source.listener?.onSnapshot(FRESH);
  assert.equal(fixture.kept.status().serving, true);
  fixture.applyLast();
  assert.deepEqual(fixture.kept.status(), { serving: false, ageMs: -1, lastWrittenAt: 0, writeFailures: 0 });
  assert.equal(fixture.logger.messages().at(-1), 'the snapshot of an earlier run has been replaced');
  assert.equal(fixture.kept.stored, null);
});

test('what was read from disk is not written again, what follows is', async () => {
  const fixture = new Fixture();
  fixture.source.listener?.onUnreachable?.();
  fixture.applyLast();
  fixture.clock.advanceTo(20_000);
  assert.equal(fixture.written.length, 0);
  fixture.source.listener?.onSnapshot(FRESH);
  fixture.applyLast();
  await fixture.kept.close();
  assert.deepEqual(
    fixture.written.map(({ ingresses }) => [...ingresses.keys()]),
    [['shop/fresh']],
  );
});

test('without anything stored the source is followed as it is', () => {
  const fixture = new Fixture(null);
  fixture.clock.advanceTo(60_000);
  fixture.source.listener?.onUnreachable?.();
  fixture.source.listener?.onSnapshot(FRESH);
  assert.deepEqual(fixture.arrived(), ['shop/fresh']);
  assert.equal(fixture.listener.snapshots[0], FRESH);
});

test('nothing is handed out after the end', () => {
  const fixture = new Fixture();
  fixture.end.abort();
  fixture.clock.advanceTo(60_000);
  assert.deepEqual(fixture.arrived(), []);
  assert.equal(fixture.clock.pending, 0);
});

test('what one run served the next one finds, and a damaged file is set aside with one line', async (t) => {
  const directory = await makeDirectory(t);
  const logger = new RecordingLogger();
  const scope = { namespaces: [], defaultTlsSecret: '' };
  const first = await openLastKnownGood(directory, scope, logger);
  assert.equal(first.stored, null);
  first.noteApplied(FRESH);
  await first.close();
  const second = await openLastKnownGood(directory, scope, logger);
  assert.deepEqual([...(second.stored?.ingresses.keys() ?? [])], ['shop/fresh']);
  assert.deepEqual(
    logger.lines.filter(({ level }) => level !== 'debug'),
    [],
  );
  const file = join(directory, 'snapshot.jsonl');
  const damaged = (await readFile(file, 'utf8')).replace('shop/fresh', 'shop/other');
  await writeFile(file, damaged);
  const third = await openLastKnownGood(directory, scope, logger);
  assert.equal(third.stored, null);
  const errors = logger.lines.filter(({ level }) => level === 'error');
  assert.deepEqual(
    errors.map(({ message, fields }) => ({ message, fields })),
    [
      {
        message: 'snapshot refused, it will not be served',
        fields: { file, reason: 'is damaged: it does not match its checksum', keptAs: `${file}.refused` },
      },
    ],
  );
  assert.deepEqual(await readdir(directory), ['snapshot.jsonl.refused']);
  assert.equal(await readFile(`${file}.refused`, 'utf8'), damaged);
});
