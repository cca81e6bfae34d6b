/** The parts of a reflector: reading a watch, judging failures, waiting. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Backoff, DEFAULT_BACKOFF } from '../../src/watch/backoff.ts';
import { parseStatusBody, toRetryAfterMs } from '../../src/watch/kube-error.ts';
import { LineSplitter, LineTooLongError } from '../../src/watch/line-splitter.ts';
import { compareResourceVersions } from '../../src/watch/resource-version.ts';
import { RetryGate } from '../../src/watch/retry-gate.ts';
import { Watchdog } from '../../src/watch/watch-stream.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** Lets promise callbacks that are due run. */
async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test('lines come out as they went in, wherever the chunks are cut', () => {
  const line = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\n', '\u2028'));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(60)), (lines, cuts) => {
      const bytes = Buffer.from(lines.map((each) => `${each}\n`).join(''));
      const splitter = new LineSplitter(1_000);
      const out: string[] = [];
      let start = 0;
      for (const cut of cuts) {
        out.push(...splitter.push(bytes.subarray(start, start + cut)));
        start += cut;
      }
      out.push(...splitter.push(bytes.subarray(start)));
      const decoded = lines.map((each) => Buffer.from(each).toString());
      assert.deepEqual(
        out,
        decoded.filter((each) => each !== ''),
      );
      assert.equal(splitter.insideLine, false);
    }),
  );
});

test('a line beyond the bound is refused, also when it comes byte by byte', () => {
  const splitter = new LineSplitter(5_000);
  for (let i = 0; i < 5_000; i++) splitter.push(Uint8Array.of(0x61));
  assert.equal(splitter.insideLine, true);
  assert.throws(() => splitter.push(Uint8Array.of(0x61)), LineTooLongError);
});

const versions: readonly (readonly [string, string, -1 | 0 | 1 | null])[] = [
  ['9', '10', -1],
  ['10', '9', 1],
  ['18446744073709551617', '18446744073709551616', 1],
  ['7', '7', 0],
  ['abc', 'abc', 0],
  ['abc', '7', null],
  ['007', '7', null],
  ['', '7', null],
];

for (const [a, b, expected] of versions) {
  test(`resource versions "${a}" and "${b}" compare to ${expected}`, () => {
    assert.equal(compareResourceVersions(a, b), expected);
  });
}

test('delays double up to between 30 and 60 s, and start over after two quiet minutes', () => {
  const low = new Backoff(DEFAULT_BACKOFF, () => 0);
  assert.deepEqual(
    [0, 0, 0, 0, 0, 0, 0].map((nowMs) => low.nextDelayMs(nowMs)),
    [800, 1600, 3200, 6400, 12_800, 25_600, 30_000],
  );
  assert.equal(low.nextDelayMs(100_000), 30_000);
  assert.equal(low.nextDelayMs(220_001), 800);
  low.reset();
  assert.equal(new Backoff(DEFAULT_BACKOFF, () => 0.5).nextDelayMs(0), 1200);
});

test('those who wait for the server are woken by contact, one after the other, and others are not', async () => {
  const clock = new FakeClock();
  const gate = new RetryGate(clock, 50);
  const { signal } = new AbortController();
  const out: string[] = [];
  const note =
    (name: string): (() => void) =>
    () =>
      out.push(`${name} ${clock.nowMs()}`);
  const all = [
    gate.wait(30_000, true, signal).then(note('a')),
    gate.wait(40_000, true, signal).then(note('b')),
    gate.wait(20_000, false, signal).then(note('denied')),
  ];
  clock.advanceTo(1_000);
  gate.noteContact();
  await settle();
  clock.advanceTo(1_049);
  await settle();
  assert.deepEqual(out, ['a 1000']);
  clock.advanceTo(1_050);
  await settle();
  clock.advanceTo(20_000);
  await Promise.all(all);
  assert.deepEqual(out, ['a 1000', 'b 1050', 'denied 20000']);
  assert.equal(clock.pending, 0);
});

test('an abort ends every wait and leaves no timer', async () => {
  const clock = new FakeClock();
  const gate = new RetryGate(clock, 50);
  const end = new AbortController();
  const wait = gate.wait(30_000, false, end.signal);
  end.abort();
  await wait;
  await gate.wait(30_000, false, end.signal);
  assert.equal(clock.pending, 0);
});

test('the watchdog barks once, a full limit after it was last fed', () => {
  const clock = new FakeClock();
  const barks: number[] = [];
  const watchdog = new Watchdog(clock, 90, () => barks.push(clock.nowMs()));
  clock.advanceTo(60);
  watchdog.feed();
  clock.advanceTo(1_000);
  assert.deepEqual(barks, [150]);
  watchdog.stop();
});

test('a stopped watchdog is silent', () => {
  const clock = new FakeClock();
  const watchdog = new Watchdog(clock, 90, () => assert.fail('it barked'));
  watchdog.stop();
  clock.advanceTo(1_000);
  assert.equal(clock.pending, 0);
});

test('a body that is no Status still has its first line, shortened', () => {
  assert.equal(
    parseStatusBody('Too many requests, please try again later.\nmore').message,
    'Too many requests, please try again later.',
  );
  assert.equal(parseStatusBody('x'.repeat(1_000)).message.length, 300);
  assert.deepEqual(parseStatusBody('null'), { message: '', reason: '', retryAfterMs: null, versionTooLarge: false });
});

const retryAfters: readonly (readonly [unknown, number | null])[] = [
  ['1', 1_000],
  [2, 2_000],
  ['0', null],
  ['99999', 60_000],
  ['-1', null],
  ['Wed, 21 Oct 2015 07:28:00 GMT', null],
  [undefined, null],
];

for (const [value, expected] of retryAfters) {
  test(`retry-after ${String(value)} means ${expected === null ? 'nothing' : `${expected} ms`}`, () => {
    assert.equal(toRetryAfterMs(value), expected);
  });
}
