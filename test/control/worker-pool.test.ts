/** Data-plane threads as the control plane sees them: told in order, replaced when they die, never waited for in vain. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { WorkerPool } from '../../src/control/worker-pool.ts';
import type { HealthChange, ProxyConfig } from '../../src/model/proxy-config.ts';
import { AwaitedState } from '../support/awaited-state.ts';
import { proxyConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

const SETTINGS: ConstructorParameters<typeof WorkerPool>[0]['settings'] = {
  workers: 2,
  loan: new Int32Array(2),
  accessLog: 'off',
  maxHeadBytes: 1,
  maxHeaders: 1,
  maxTargetBytes: 1,
  maxConnections: 1,
  maxSockets: 1,
  proxyHeaderTimeoutMs: 3_000,
  tlsHandshakeTimeoutMs: 1,
  headTimeoutMs: 1,
  keepAliveTimeoutMs: 1,
  bodyTimeoutMs: 1,
  writeTimeoutMs: 1,
  maxConnectionsPerIp: 0,
  maxIdlePerEndpoint: 1,
  upstreamIdleTimeoutMs: 1,
  reusePort: true,
};

class PoolFixture extends RecordingLogger {
  readonly lost: number[] = [];
  readonly pool: WorkerPool;
  readonly #state = new AwaitedState();

  constructor(count: number, health: readonly HealthChange[] = [], hangTimeoutMs = 0) {
    super();
    this.pool = new WorkerPool({
      script: new URL('./workers/scripted-worker.ts', import.meta.url),
      count,
      settings: SETTINGS,
      hangTimeoutMs,
      takeover: false,
      logger: this,
      onAccessLines: () => undefined,
      health: () => health,
      onWorkerLost: (workerId) => {
        this.lost.push(workerId);
        this.#state.report();
      },
    });
  }

  override info(message: string, fields: Record<string, unknown> = {}): void {
    super.info(message, fields);
    this.#state.report();
  }

  until(look: () => boolean): Promise<true> {
    return this.#state.until(() => (look() ? true : undefined));
  }

  /** What the threads said they were told to apply, in order. */
  applying(): readonly { readonly worker: unknown; readonly generation: unknown; readonly ports: unknown }[] {
    return this.lines
      .filter(({ message }) => message === 'applying')
      .map(({ fields }) => ({ worker: fields['worker'], generation: fields['generation'], ports: fields['ports'] }));
  }

  /** The patches that threads were told to apply: worker, base and generation. */
  patching(): readonly string[] {
    return this.lines
      .filter(({ message }) => message === 'patching')
      .map(({ fields }) => [fields['worker'], fields['base'], fields['generation']].join(' '))
      .toSorted();
  }
}

function start(t: TestContext, count: number, health: readonly HealthChange[] = [], hangTimeoutMs = 0): PoolFixture {
  const fixture = new PoolFixture(count, health, hangTimeoutMs);
  t.after(() => fixture.pool.drain(0));
  fixture.pool.start();
  return fixture;
}

function config(generation: number, order = 'go'): ProxyConfig {
  return proxyConfig({ generation, upstreams: [upstreamConfig('a')], routes: [routeConfig(order, 'a')] });
}

test('the first thread finds the free port, the others are told to join it there', async (t) => {
  const fixture = start(t, 3);
  assert.equal(fixture.pool.ready, false);
  assert.equal(await fixture.pool.apply(config(1)), '');
  assert.equal(fixture.pool.ready, true);
  const told = fixture.applying();
  assert.deepEqual(told[0], { worker: 1, generation: 1, ports: [] });
  for (const { ports } of told.slice(1)) assert.deepEqual(ports, [{ listener: 'web', port: 40_001 }]);
  assert.equal(told.length, 3);
});

test('what one thread refuses is reported with its reason', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  assert.equal(await fixture.pool.apply(config(2, 'refuse:2')), 'refused by 2');
});

test('when one thread refuses, all go back to what ran before, and so does a later replacement', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  await fixture.pool.apply(config(2, 'refuse:2'));
  const generations = fixture.applying().map(({ worker, generation }) => [worker, generation]);
  assert.deepEqual(
    generations.filter(([worker]) => worker === 1).map(([, generation]) => generation),
    [1, 2, 1],
  );
  await fixture.pool.applyEndpoints([{ upstreamId: 'die:1', endpoints: [] }], config(1));
  await fixture.until(() => fixture.applying().some(({ worker, generation }) => worker === 3 && generation === 1));
});

test('a thread that dies is replaced by one that gets the running configuration and what is known of health', async (t) => {
  const health = [{ upstreamId: 'a', endpointId: '10.0.0.1:80', healthy: false, reason: 'status 500' }];
  const fixture = start(t, 2, health);
  await fixture.pool.apply(config(1));
  await fixture.pool.applyEndpoints([{ upstreamId: 'die:1', endpoints: [] }], config(1));
  await fixture.until(() => fixture.applying().some(({ worker }) => worker === 3));
  assert.deepEqual(fixture.lost, [1]);
  assert.equal(fixture.pool.restarts, 1);
  await fixture.until(() =>
    fixture.lines.some(({ message, fields }) => message === 'health' && fields['worker'] === 3),
  );
  assert.equal(fixture.pool.size, 2);
  assert.equal(fixture.pool.ready, true);
});

test('a thread that dies while it is told something does not keep the control plane waiting, and is no refusal', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  assert.equal(await fixture.pool.apply(config(2, 'die:1')), '');
  await fixture.until(() => fixture.lost.length === 1);
  const line = fixture.lines.find(({ level }) => level === 'error');
  assert.match(String(line?.fields['error']), /told to die/);
});

test('a thread that hangs is not waited for, and replaced by one that gets the newest configuration', async (t) => {
  const fixture = start(t, 2, [], 2_000);
  await fixture.pool.apply(config(1));
  const toldToHang = fixture.pool.applyEndpoints([{ upstreamId: 'hang:1', endpoints: [] }], config(1));
  assert.equal(await fixture.pool.apply(config(2)), '');
  await toldToHang;
  await fixture.until(() => fixture.applying().some(({ worker, generation }) => worker === 3 && generation === 2));
  assert.deepEqual(fixture.lost, [1]);
  assert.equal(fixture.pool.hangs, 1);
  assert.equal(fixture.pool.restarts, 1);
  const [hung, died] = fixture.lines.filter(({ level }) => level === 'error');
  assert.deepEqual(hung?.fields, { worker: 1, silentMs: 2_000 });
  assert.match(String(died?.fields['error']), /no sign of life for 2000 ms/);
});

test('a thread that hangs in its first configuration is replaced too', async (t) => {
  const fixture = start(t, 2, [], 1_000);
  assert.equal(await fixture.pool.apply(config(1, 'hang:1')), '');
  await fixture.until(() => fixture.applying().some(({ worker }) => worker === 3));
  assert.equal(fixture.pool.hangs, 1);
});

test('a thread that refuses what nobody waited for any longer is replaced, as it runs something else than the others', async (t) => {
  const fixture = start(t, 2, [], 5_000);
  await fixture.pool.apply(config(1));
  const goOn = path.join(mkdtempSync(path.join(tmpdir(), 'sluice-pool-')), 'go-on');
  t.after(() => rmSync(path.dirname(goOn), { recursive: true }));
  const late = proxyConfig({
    generation: 2,
    upstreams: [upstreamConfig('a')],
    routes: [routeConfig('refuse-late:1', 'a', { host: goOn })],
  });
  assert.equal(await fixture.pool.apply(late), '');
  writeFileSync(goOn, '');
  await fixture.until(() => fixture.applying().some(({ worker, generation }) => worker === 3 && generation === 2));
  assert.deepEqual(fixture.lost, [1]);
  assert.equal(fixture.pool.hangs, 0);
});

test('a change is sent as a patch to threads that run what it starts from, and whole to those started later', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  assert.equal(await fixture.pool.apply(config(2, 'next')), '');
  await fixture.pool.applyEndpoints([{ upstreamId: 'die:1', endpoints: [] }], config(2, 'next'));
  await fixture.until(() => fixture.applying().some(({ worker, generation }) => worker === 3 && generation === 2));
  // Answered in order: by then it has told that it runs what it was started with.
  await fixture.pool.applyEndpoints([], config(2, 'next'));
  assert.equal(await fixture.pool.apply(config(3, 'last')), '');
  assert.deepEqual(fixture.patching(), ['1 1 2', '2 1 2', '2 2 3', '3 2 3']);
});

test('a thread that is out of step with a patch gets the whole configuration', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  assert.equal(await fixture.pool.apply(config(2, 'lose-step:2')), '');
  assert.deepEqual(fixture.patching(), ['1 1 2']);
  assert.ok(fixture.applying().some(({ worker, generation }) => worker === 2 && generation === 2));
  assert.equal(await fixture.pool.apply(config(3, 'next')), '');
  assert.deepEqual(fixture.patching(), ['1 1 2', '1 2 3', '2 2 3']);
});

test('after a refusal threads go back by the whole configuration, and on from there by patches', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  assert.equal(await fixture.pool.apply(config(2, 'refuse:2')), 'refused by 2');
  assert.equal(await fixture.pool.apply(config(3, 'next')), '');
  assert.deepEqual(fixture.patching(), ['1 1 2', '1 1 3', '2 1 2', '2 1 3']);
});

test('a drain does not wait for a thread that hangs', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  void fixture.pool.applyEndpoints([{ upstreamId: 'hang:1', endpoints: [] }], config(1));
  await fixture.pool.drain(100);
  await fixture.until(() => fixture.lost.length === 2);
});

test('counters of a thread that dies are given up, not waited for', async (t) => {
  const fixture = start(t, 1);
  await fixture.pool.apply(config(1));
  const collected = fixture.pool.collect('all');
  await fixture.pool.applyEndpoints([{ upstreamId: 'die', endpoints: [] }], config(1));
  assert.deepEqual(await collected, []);
});

test('counters that come in parts are put together', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  await fixture.pool.applyEndpoints([{ upstreamId: 'count', endpoints: [] }], config(1));
  for (const round of ['once', 'again']) {
    const collected = await fixture.pool.collect('all');
    assert.deepEqual(
      collected.map(({ workerId, routes }) => [workerId, ...routes.map(({ routeId }) => routeId)]),
      [1, 2].map((workerId) => [workerId, 'first', 'second', 'last']),
      round,
    );
  }
});

test('after a drain no thread is left, and none is started', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  await fixture.pool.drain(1_000);
  await fixture.until(() => fixture.lost.length === 2);
  assert.equal(fixture.pool.size, 0);
  assert.equal(fixture.pool.restarts, 0);
});

test('every thread has the same ticket keys before its configuration, also one that replaces another', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  await fixture.pool.applyEndpoints([{ upstreamId: 'die:1', endpoints: [] }], config(1));
  await fixture.until(() => fixture.applying().some(({ worker }) => worker === 3));
  const told = fixture.lines.filter(({ message }) => message === 'ticket keys').map(({ fields }) => fields);
  assert.deepEqual(new Set(told.map(({ worker }) => worker)), new Set([1, 2, 3]));
  assert.equal(new Set(told.map(({ digest }) => digest)).size, 1);
  assert.ok(told.every(({ bytes }) => bytes === 48));
  for (const worker of [1, 2, 3]) {
    const own = fixture.lines.filter(({ fields }) => fields['worker'] === worker).map(({ message }) => message);
    assert.ok(own.indexOf('ticket keys') < own.indexOf('applying'), own.join());
  }
});

test('changed ticket keys reach every thread', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  t.mock.timers.tick(12 * 3_600_000);
  const toldTo = (worker: number): readonly unknown[] =>
    fixture.lines
      .filter(({ message, fields }) => message === 'ticket keys' && fields['worker'] === worker)
      .map(({ fields }) => fields['digest']);
  await fixture.until(() => toldTo(1).length === 2 && toldTo(2).length === 2);
  assert.deepEqual(toldTo(1), toldTo(2));
  assert.notEqual(toldTo(1)[0], toldTo(1)[1]);
});

test('the figures of releases are those of all threads, dead ones included', async (t) => {
  const fixture = start(t, 2);
  await fixture.pool.apply(config(1));
  const side = { requests: 3, failures: 0, latency: [3] };
  assert.deepEqual(await fixture.pool.collectReleaseFigures(), [{ id: 'r', stable: side, canary: side }]);
  await fixture.pool.applyEndpoints([{ upstreamId: 'die:1', endpoints: [] }], config(1));
  await fixture.until(() => fixture.applying().some(({ worker }) => worker === 3));
  const [figures] = await fixture.pool.collectReleaseFigures();
  assert.equal(figures?.canary.requests, 1 + 2 + 3);
});

test('what threads say of releases with their last breath counts once', async (t) => {
  const count = 8;
  const fixture = start(t, count);
  await fixture.pool.apply(config(1));
  await fixture.pool.collectReleaseFigures();
  await fixture.pool.applyEndpoints([{ upstreamId: 'last-words', endpoints: [] }], config(1));
  const [figures] = await fixture.pool.collectReleaseFigures();
  // Each has counted as many requests as its number says, and 10 more.
  assert.equal(figures?.canary.requests, (count * (count + 1)) / 2 + 10 * count);
});
