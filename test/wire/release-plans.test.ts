/** Plans from outside: how they go to their end, and how soon a bad canary is taken back, with what users saw of it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ConfigDump } from '../../src/admin/dump-config.ts';
import type { DumpedRelease, ReleasesDump } from '../../src/admin/dump-releases.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { releaseManifests } from '../support/release-manifests.ts';
import { ok, reply, type Script, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { type LogLine, SluiceProcess } from '../support/sluice-process.ts';
import { SteadyLoad } from '../support/steady-load.ts';

const FAULT_INJECTOR = new URL('../support/fault-injector.ts', import.meta.url).href;
const CLIENTS = 16;
/** For what needs many requests, however slowly they are answered. */
const GIVE_UP_MS = 120_000;
const GATES = { 'sluice.dev/canary-gates': 'errors <= +1%, requests >= 20' };

interface Options {
  readonly canary: Script;
  readonly annotations: Readonly<Record<string, string>>;
  /** Worker 1 dies at SIGUSR2. */
  readonly preload?: string;
}

class Fixture {
  readonly sluice: SluiceProcess;
  readonly load: SteadyLoad;
  readonly stateFile: string;
  readonly canary: ScriptedUpstream;
  readonly #options: Options;
  readonly #addresses: readonly [stable: string, canary: string];

  private constructor(
    sluice: SluiceProcess,
    stateFile: string,
    options: Options,
    upstreams: readonly [stable: ScriptedUpstream, canary: ScriptedUpstream],
  ) {
    this.sluice = sluice;
    this.stateFile = stateFile;
    this.canary = upstreams[1];
    this.#options = options;
    this.#addresses = [upstreams[0].address, upstreams[1].address];
    this.load = new SteadyLoad(`http://127.0.0.1:${sluice.httpPort}`, CLIENTS, 0);
  }

  static async start(t: TestContext, options: Options, state = ''): Promise<Fixture> {
    const stable = await ScriptedUpstream.start(() => ok('stable'));
    const canary = await ScriptedUpstream.start(options.canary);
    const directory = mkdtempSync(join(tmpdir(), 'sluice-releases-'));
    const stateFile = join(directory, 'state.json');
    if (state !== '') writeFileSync(stateFile, state);
    const sluice = await SluiceProcess.start({
      config: null,
      files: { 'k8s.yaml': releaseManifests(stable.address, canary.address, options.annotations) },
      args: ['--workers', '2', '--release-state', stateFile],
      ...(options.preload === undefined ? {} : { preload: options.preload }),
    });
    const fixture = new Fixture(sluice, stateFile, options, [stable, canary]);
    t.after(async () => {
      await fixture.load.stop();
      await sluice.kill();
      await Promise.all([stable.close(), canary.close()]);
      rmSync(directory, { recursive: true });
    });
    return fixture;
  }

  /** The line that says so. */
  async event(name: string, from = 0): Promise<LogLine> {
    for (let at = from; ; at++) {
      const line = await this.sluice.log('release changed', at, GIVE_UP_MS);
      if (line['event'] === name) return line;
      at = this.sluice.logs.indexOf(line);
    }
  }

  async status(): Promise<DumpedRelease> {
    const page = await fetch(`http://127.0.0.1:${this.sluice.adminPort}/debug/releases`);
    const { releases } = (await page.json()) as ReleasesDump;
    assert.ok(releases[0] !== undefined);
    return releases[0];
  }

  /** @returns the requests of the canary that were counted then */
  async untilCounted(suffice: (canary: DumpedRelease['sides']['canary']) => boolean): Promise<number> {
    for (;;) {
      const { canary } = (await this.status()).sides;
      if (suffice(canary)) return canary.totalRequests;
      await setImmediate();
    }
  }

  async annotate(annotations: Readonly<Record<string, string>>): Promise<void> {
    const [stable, canary] = this.#addresses;
    const all = { ...this.#options.annotations, ...annotations };
    this.sluice.writeFile('k8s.yaml', releaseManifests(stable, canary, all));
    await this.sluice.log('configuration applied', this.sluice.logs.length);
  }

  /** From when every worker splits requests so, `loser` gets none that is sent. */
  async expectNothingFor(loser: 'stable' | 'canary', percent: number): Promise<void> {
    await eventuallyTrue(async () => (await this.#percentInForce()) === percent);
    const before = this.load.answersBy.get(loser) ?? 0;
    const { count } = this.load;
    while (this.load.count < count + 500) await setImmediate();
    const late = (this.load.answersBy.get(loser) ?? 0) - before;
    assert.ok(late <= CLIENTS, `${late} of 500 requests got ${loser}, and only ${CLIENTS} can have been under way`);
  }

  async #percentInForce(): Promise<number> {
    const page = await fetch(`http://127.0.0.1:${this.sluice.adminPort}/debug/config`);
    const { routes } = (await page.json()) as ConfigDump;
    const [canary] = routes.flatMap(({ split }) => split.canaries);
    assert.ok(canary !== undefined);
    return (100 * canary.weight) / canary.weightTotal;
  }
}

function msBetween(from: LogLine, to: LogLine): number {
  return Date.parse(String(to['time'])) - Date.parse(String(from['time']));
}

test('a healthy canary goes through its plan to everything, and no request fails', async (t: TestContext) => {
  const annotations = { ...GATES, 'sluice.dev/canary-plan': '20%/2s, 50%/2s, 100%' };
  const fixture = await Fixture.start(t, { canary: () => ok('canary'), annotations });
  await fixture.event('CanaryCompleted');
  const { state } = await fixture.status();
  // Of the states: the lines that tell of them come later, each by another while.
  const tookMs = Date.parse(state?.changedAt ?? '') - Date.parse(state?.beganAt ?? '');
  t.diagnostic(`from the first step to everything in ${tookMs} ms, at least 4000 by its plan`);
  assert.ok(tookMs >= 4_000);
  await fixture.expectNothingFor('stable', 100);
  assert.deepEqual(fixture.load.failed, []);
  const status = await fixture.status();
  assert.equal(status.percent, 100);
  assert.equal(status.state?.phase, 'completed');
  assert.equal(await fixture.sluice.metric('sluice_release_percent{release="shop/next"}'), 100);
  assert.ok((await fixture.sluice.metric('sluice_release_requests_total{side="canary",release="shop/next"}')) > 100);
  const stored = JSON.parse(readFileSync(fixture.stateFile, 'utf8')) as { releases: Record<string, { step: number }> };
  assert.equal(stored.releases['shop/next']?.step, 2);
});

interface Bad {
  readonly name: string;
  readonly canary: () => Script;
  readonly gates: string;
  readonly reason: RegExp;
}

function every(nth: number, answer: string): Script {
  let count = 0;
  return () => (++count % nth === 0 ? answer : ok('canary'));
}

/** So much that what a slow machine adds to both sides does not come near it. */
const DELAY_MS = 500;

const delayed: Script = ({ connection }) => {
  setTimeout(() => connection.write(ok('canary')), DELAY_MS);
  return null;
};

const BAD: readonly Bad[] = [
  {
    name: '3 % errors',
    canary: () => every(33, reply(500, 'oops')),
    gates: 'errors <= +1%',
    reason: /^errors: \d/,
  },
  {
    name: 'half a second of latency',
    canary: () => delayed,
    // The noise of a shared machine is in the tail.
    gates: 'p50 <= 1.5x',
    reason: /^p50: \d/,
  },
  {
    name: 'resets of every connection',
    canary: () => (request) => {
      request.connection.socket.resetAndDestroy();
      return null;
    },
    gates: 'errors <= +1%',
    reason: /^errors: \d/,
  },
];

for (const { name, canary, gates, reason } of BAD) {
  test(`a canary with ${name} is taken back`, async (t: TestContext) => {
    const annotations = { 'sluice.dev/canary-plan': '50%/10m, 100%', 'sluice.dev/canary-gates': gates };
    const fixture = await Fixture.start(t, { canary: canary(), annotations });
    const began = await fixture.event('CanaryStarted');
    const ended = await fixture.event('CanaryAborted');
    const { sides, percent, state, stored } = await fixture.status();
    t.diagnostic(
      `${name}: aborted ${msBetween(began, ended)} ms after the first step, after ${sides.canary.requests} requests of the canary, ` +
        `${sides.canary.failures} of them failed; users saw ${fixture.load.failed.length} failures in ${fixture.load.count} requests`,
    );
    assert.match(state?.reason ?? '', reason);
    assert.equal(ended.level, 'warn');
    assert.deepEqual([percent, state?.phase, stored], [0, 'aborted', true]);
    await fixture.expectNothingFor('canary', 0);
  });
}

test('what a worker counted before it died in a step stays, and nothing counts twice', async (t: TestContext) => {
  const annotations = { ...GATES, 'sluice.dev/canary-plan': '50%/10m, 100%' };
  const fixture = await Fixture.start(t, { canary: () => ok('canary'), annotations, preload: FAULT_INJECTOR });
  await fixture.event('CanaryStarted');
  const before = await fixture.untilCounted((side) => side.totalRequests > 200);
  fixture.sluice.signal('SIGUSR2');
  await fixture.sluice.log('worker died, starting another');
  const soon = (await fixture.status()).sides.canary.totalRequests;
  assert.ok(soon >= before, `${before} requests counted, then ${soon}`);
  const counted = await fixture.untilCounted((side) => side.totalRequests > before + 200);
  const served = fixture.canary.requests.length;
  t.diagnostic(`${counted} requests of the canary counted, ${served} served`);
  assert.ok(counted <= served, `${counted} of ${served} counted`);
  assert.equal((await fixture.status()).sides.canary.totalFailures, 0);
});

test('a worker that dies in a step takes no bad canary to the next one', async (t: TestContext) => {
  const annotations = { ...GATES, 'sluice.dev/canary-plan': '20%/3s, 100%' };
  const canary = every(25, reply(500, 'oops'));
  const fixture = await Fixture.start(t, { canary, annotations, preload: FAULT_INJECTOR });
  await fixture.event('CanaryStarted');
  await fixture.untilCounted((side) => side.totalFailures > 0);
  fixture.sluice.signal('SIGUSR2');
  await fixture.sluice.log('worker died, starting another');
  await fixture.event('CanaryAborted');
  assert.deepEqual(
    fixture.sluice.logs.filter(({ msg }) => msg === 'release changed').map(({ event }) => event),
    ['CanaryStarted', 'CanaryAborted'],
  );
  await fixture.expectNothingFor('canary', 0);
});

test('commands in the file are obeyed, and a restart goes on from the step that was stored', async (t: TestContext) => {
  const annotations = { 'sluice.dev/canary-plan': '20%/10m, 50%/10m, 100%/10m' };
  const options = { canary: () => ok('canary'), annotations };
  const fixture = await Fixture.start(t, options);
  await fixture.event('CanaryStarted');
  await fixture.annotate({ 'sluice.dev/canary-command': 'promote 2' });
  await fixture.event('CanaryStepped');
  await fixture.annotate({ 'sluice.dev/canary-command': 'pause' });
  await fixture.event('CanaryPaused');
  await fixture.annotate({});
  await fixture.event('CanaryResumed');
  const { state } = await fixture.status();
  assert.equal(state?.step, 1);
  const again = await Fixture.start(t, options, readFileSync(fixture.stateFile, 'utf8'));
  const status = await again.status();
  assert.deepEqual(status.state, state);
  assert.equal(status.percent, 50);
  await again.annotate({ 'sluice.dev/canary-command': 'abort' });
  await again.event('CanaryAborted');
  await again.expectNothingFor('canary', 0);
});

test('a file of states that makes no sense is put aside, said in one line, and the plan begins anew', async (t: TestContext) => {
  const annotations = { 'sluice.dev/canary-plan': '20%/10m, 100%' };
  const fixture = await Fixture.start(t, { canary: () => ok('canary'), annotations }, '{"format":"sluice rel');
  const { level, reason } = await fixture.sluice.log('state of releases refused');
  assert.deepEqual([level, reason], ['error', 'it is not json']);
  await fixture.event('CanaryStarted');
  assert.equal(readFileSync(`${fixture.stateFile}.refused`, 'utf8'), '{"format":"sluice rel');
});

test('a plan of a static file goes to its end, and a restart knows it', async (t: TestContext) => {
  const stable = await ScriptedUpstream.start(() => ok('stable'));
  const canary = await ScriptedUpstream.start(() => ok('canary'));
  const directory = mkdtempSync(join(tmpdir(), 'sluice-releases-'));
  const steps = [{ percent: 50, hold: '1s' }, { percent: 100 }];
  const plan = { release: 'v2', steps, gates: { errors: '+1%', requests: 10 } };
  const upstreams = { web: stable.address, next: canary.address };
  const config = {
    upstreams: Object.fromEntries(Object.entries(upstreams).map(([id, address]) => [id, { endpoints: [{ address }] }])),
    routes: [{ upstream: 'web', canaries: [{ upstream: 'next', plan }] }],
  };
  const options = { config, args: ['--release-state', join(directory, 'state.json')] };
  const sluice = await SluiceProcess.start(options);
  const load = new SteadyLoad(`http://127.0.0.1:${sluice.httpPort}`, 4, 0);
  t.after(async () => {
    await load.stop();
    await Promise.all([sluice.kill(), stable.close(), canary.close()]);
    rmSync(directory, { recursive: true });
  });
  const first = await sluice.log('release changed');
  const second = await sluice.log('release changed', sluice.logs.indexOf(first) + 1);
  assert.deepEqual([first['note'], second['note']], ['step 1 of 2, 50 %', 'step 2 of 2, 100 %']);
  const again = await SluiceProcess.start(options);
  t.after(() => again.kill());
  assert.equal(await again.metric('sluice_release_percent{release="v2"}'), 100);
});
