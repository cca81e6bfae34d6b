/** Workers that hang are found, workers that are merely busy or stopped together with the whole process are not. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Watchdog, type Watched } from '../../src/control/watchdog.ts';

class ScriptedWorker implements Watched {
  pulse = 0;
  silences = 0;
  readonly hangs: number[] = [];

  onSilent(): void {
    this.silences++;
  }

  onHung(silentMs: number): void {
    this.hangs.push(silentMs);
  }
}

/** Checks once a second; `step` is what the clock of the machine moved meanwhile. */
class Fixture {
  readonly worker = new ScriptedWorker();
  readonly #t: TestContext;
  #nowMs = 0;

  constructor(t: TestContext, hangTimeoutMs = 10_000) {
    this.#t = t;
    t.mock.timers.enable({ apis: ['setInterval'] });
    const watchdog = new Watchdog(
      hangTimeoutMs,
      () => [this.worker],
      () => this.#nowMs,
    );
    watchdog.start();
    t.after(() => watchdog.stop());
  }

  checks(count: number, stepMs = 1_000): void {
    for (let done = 0; done < count; done++) {
      this.#nowMs += stepMs;
      this.#t.mock.timers.tick(1_000);
    }
  }
}

test('a worker without a pulse is silent after two checks and hangs after ten, once', (t) => {
  const fixture = new Fixture(t);
  fixture.worker.pulse = 1;
  fixture.checks(1);
  fixture.checks(2);
  assert.equal(fixture.worker.silences, 1);
  fixture.checks(7);
  assert.deepEqual(fixture.worker.hangs, []);
  fixture.checks(1);
  assert.deepEqual(fixture.worker.hangs, [10_000]);
  fixture.checks(20);
  assert.deepEqual(fixture.worker.hangs, [10_000]);
});

test('one turn of the event loop is enough to begin anew', (t) => {
  const fixture = new Fixture(t);
  fixture.worker.pulse = 1;
  fixture.checks(10);
  fixture.worker.pulse++;
  fixture.checks(10);
  assert.deepEqual(fixture.worker.hangs, []);
  fixture.checks(1);
  assert.equal(fixture.worker.hangs.length, 1);
});

test('checks that come late, because the process was stopped or had no CPU, do not count', (t) => {
  const fixture = new Fixture(t);
  fixture.worker.pulse = 1;
  fixture.checks(1);
  fixture.checks(100, 1_600);
  fixture.checks(1, 3_600_000);
  fixture.checks(9);
  assert.deepEqual(fixture.worker.hangs, []);
  fixture.checks(1);
  assert.equal(fixture.worker.hangs.length, 1);
});

test('a worker that has not begun yet gets six times as long, and is waited for', (t) => {
  const fixture = new Fixture(t);
  fixture.checks(60);
  assert.deepEqual(fixture.worker.hangs, []);
  assert.equal(fixture.worker.silences, 0);
  fixture.checks(1);
  assert.deepEqual(fixture.worker.hangs, [60_000]);
});

test('0 watches nobody', (t) => {
  const fixture = new Fixture(t, 0);
  fixture.worker.pulse = 1;
  fixture.checks(100);
  assert.deepEqual(fixture.worker.hangs, []);
});
