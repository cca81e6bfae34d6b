/** The cold path: one configuration at a time, the newest wins, and a fault leaves running what runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlLoop } from '../../src/control/control-loop.ts';
import { ProblemReporter } from '../../src/control/problem-reporter.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { Problem } from '../../src/model/problem.ts';
import type { EndpointChange, ProxyConfig } from '../../src/model/proxy-config.ts';
import { AwaitedState } from '../support/awaited-state.ts';
import { ingress, service, settings, slice, snapshot } from '../support/fixtures.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

interface Apply {
  readonly config: ProxyConfig;
  readonly finish: (error: string) => void;
  readonly crash: (error: Error) => void;
}

/** A loop whose data plane answers when, and what, the test says. */
class Fixture {
  readonly logger = new RecordingLogger();
  readonly applies: Apply[] = [];
  readonly endpointChanges: (readonly EndpointChange[])[] = [];
  readonly applied: ProxyConfig[] = [];
  /** What these were made of. */
  readonly sources: ObjectSnapshot[] = [];
  readonly loop: ControlLoop;
  readonly #state = new AwaitedState();
  unusable = 0;
  firstFailures = 0;

  constructor() {
    this.loop = new ControlLoop({
      settings: settings(),
      logger: this.logger,
      problems: new ProblemReporter(this.logger, () => null),
      apply: (config) => {
        const { promise, resolve, reject } = Promise.withResolvers<string>();
        this.applies.push({ config, finish: resolve, crash: reject });
        this.#state.report();
        return promise;
      },
      applyEndpoints: async (changes) => {
        this.endpointChanges.push(changes);
        this.#state.report();
      },
      onApplied: ({ config, snapshot: source }) => {
        this.applied.push(config);
        this.sources.push(source);
        this.#state.report();
      },
      onUnusable: () => {
        this.unusable++;
      },
      onFirstApplyFailed: () => {
        this.firstFailures++;
        this.#state.report();
      },
    });
  }

  apply(count: number): Promise<Apply> {
    return this.#state.until(() => this.applies[count - 1]);
  }

  until(look: () => boolean): Promise<true> {
    return this.#state.until(() => (look() ? true : undefined));
  }

  async applyNow(next: ObjectSnapshot): Promise<void> {
    const count = this.applies.length + 1;
    const done = this.applied.length + 1;
    this.loop.onSnapshot(next);
    (await this.apply(count)).finish('');
    await this.until(() => this.applied.length === done);
  }
}

function shop(revision: number, addresses: readonly string[], rest: Partial<ObjectSnapshot> = {}): ObjectSnapshot {
  return snapshot({
    ingresses: [ingress('demo/shop').rule('shop.example', '/', 'shop:80')],
    services: [service('demo/shop')],
    slices: [slice('demo/shop', addresses)],
    rest: { revision, ...rest },
  });
}

function addressesOf(config: ProxyConfig | null | undefined): readonly string[] {
  return (config?.upstreams ?? []).flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
}

const EDIT_PROBLEM: Problem = {
  code: 'config-syntax',
  severity: 'rejected',
  source: { kind: 'StaticConfig', namespace: '', name: 'sluice.yaml' },
  field: '',
  message: 'not a map',
  location: null,
};

test('snapshots that arrive while one is applied replace each other: the newest is applied next', async () => {
  const fixture = new Fixture();
  fixture.loop.onSnapshot(shop(1, ['10.0.0.1']));
  const first = await fixture.apply(1);
  for (const revision of [2, 3, 4]) fixture.loop.onSnapshot(shop(revision, [`10.0.0.${revision}`]));
  assert.equal(fixture.applies.length, 1);
  first.finish('');
  const second = await fixture.apply(2);
  second.finish('');
  await fixture.until(() => fixture.applied.length === 2);
  assert.deepEqual(
    fixture.applied.map(({ generation }) => generation),
    [1, 4],
  );
  assert.deepEqual(
    fixture.sources.map(({ revision }) => revision),
    [1, 4],
  );
  assert.equal(fixture.loop.running, second.config);
  assert.deepEqual([fixture.loop.applied, fixture.loop.failures, fixture.loop.lastApplySucceeded], [2, 0, true]);
});

test('a change of endpoints alone takes the short road and keeps the generation', async () => {
  const fixture = new Fixture();
  await fixture.applyNow(shop(1, ['10.0.0.1']));
  fixture.loop.onSnapshot(shop(2, ['10.0.0.1', '10.0.0.2'], { endpointsOnly: true }));
  await fixture.until(() => fixture.applied.length === 2);
  assert.equal(fixture.applies.length, 1);
  assert.deepEqual(
    fixture.endpointChanges.map((changes) => changes.map(({ endpoints }) => endpoints.map(({ address }) => address))),
    [[['10.0.0.1', '10.0.0.2']]],
  );
  assert.equal(fixture.loop.running?.generation, 1);
  assert.deepEqual(addressesOf(fixture.loop.running), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(
    fixture.sources.map(({ revision }) => revision),
    [1, 2],
  );
});

test('a change of endpoints that behind a fuller one was replaced does not lose the fuller one', async () => {
  const fixture = new Fixture();
  await fixture.applyNow(shop(1, ['10.0.0.1']));
  fixture.loop.onSnapshot(shop(2, ['10.0.0.1']));
  const second = await fixture.apply(2);
  fixture.loop.onSnapshot(shop(3, ['10.0.0.3']));
  fixture.loop.onSnapshot(shop(4, ['10.0.0.4'], { endpointsOnly: true }));
  second.finish('');
  const third = await fixture.apply(3);
  assert.equal(third.config.generation, 4);
  assert.deepEqual(addressesOf(third.config), ['10.0.0.4']);
  assert.equal(fixture.endpointChanges.length, 0);
  third.finish('');
  await fixture.until(() => fixture.applied.length === 3);
});

test('endpoints that did not change are not applied', async () => {
  const fixture = new Fixture();
  await fixture.applyNow(shop(1, ['10.0.0.1']));
  fixture.loop.onSnapshot(shop(2, ['10.0.0.1'], { endpointsOnly: true }));
  await fixture.applyNow(shop(3, ['10.0.0.1']));
  assert.equal(fixture.endpointChanges.length, 0);
  assert.equal(fixture.loop.applied, 2);
});

test('a configuration the data plane refuses leaves running what runs, and the next one is compiled whole', async () => {
  const fixture = new Fixture();
  await fixture.applyNow(shop(1, ['10.0.0.1']));
  const { running } = fixture.loop;
  fixture.loop.onSnapshot(shop(2, ['10.0.0.2']));
  (await fixture.apply(2)).finish('the port is already in use');
  fixture.loop.onSnapshot(shop(3, ['10.0.0.3'], { endpointsOnly: true }));
  const third = await fixture.apply(3);
  assert.equal(fixture.loop.running, running);
  assert.deepEqual([fixture.loop.failures, fixture.loop.lastApplySucceeded], [1, false]);
  const line = fixture.logger.lines.find(({ level }) => level === 'error');
  assert.equal(line?.fields['error'], 'the port is already in use');
  third.finish('');
  await fixture.until(() => fixture.applied.length === 2);
  assert.deepEqual(addressesOf(fixture.loop.running), ['10.0.0.3']);
  assert.equal(fixture.loop.lastApplySucceeded, true);
  assert.equal(fixture.firstFailures, 0);
});

test('a throw while compiling or applying is logged and counted, and the loop goes on', async () => {
  const fixture = new Fixture();
  await fixture.applyNow(shop(1, ['10.0.0.1']));
  const broken = { ...shop(2, []), ingresses: null } as unknown as ObjectSnapshot;
  fixture.loop.onSnapshot(broken);
  fixture.loop.onSnapshot(shop(3, ['10.0.0.3']));
  (await fixture.apply(2)).crash(new Error('our own fault'));
  await fixture.applyNow(shop(4, ['10.0.0.4']));
  assert.equal(fixture.loop.failures, 2);
  assert.equal(fixture.loop.running?.generation, 4);
  assert.equal(fixture.logger.lines.filter(({ level }) => level === 'error').length, 2);
});

test('an edit that cannot be read is reported and leaves running what runs', async () => {
  const fixture = new Fixture();
  await fixture.applyNow(shop(1, ['10.0.0.1']));
  fixture.loop.onInvalid([EDIT_PROBLEM]);
  assert.equal(fixture.unusable, 0);
  assert.deepEqual([fixture.loop.rejectedEdits, fixture.loop.lastApplySucceeded], [1, false]);
  assert.ok(fixture.logger.messages().includes('configuration refused, the running one stays'));
  assert.equal(fixture.loop.running?.generation, 1);
});

test('a step of a release does not make an edit good that was refused', async () => {
  const fixture = new Fixture();
  await fixture.applyNow(shop(1, ['10.0.0.1']));
  fixture.loop.onInvalid([EDIT_PROBLEM]);
  await fixture.applyNow({ ...shop(2, ['10.0.0.1']), isRepeated: true });
  assert.equal(fixture.loop.lastApplySucceeded, false);
  await fixture.applyNow(shop(3, ['10.0.0.1']));
  assert.equal(fixture.loop.lastApplySucceeded, true);
});

test('when the first thing a source has is unusable, somebody is told', () => {
  const fixture = new Fixture();
  fixture.loop.onInvalid([EDIT_PROBLEM]);
  assert.equal(fixture.unusable, 1);
  assert.ok(fixture.logger.messages().includes('configuration refused'));
});

test('when the first configuration cannot be applied, somebody is told', async () => {
  const fixture = new Fixture();
  fixture.loop.onSnapshot(shop(1, ['10.0.0.1']));
  (await fixture.apply(1)).finish('the port is already in use');
  await fixture.until(() => fixture.firstFailures === 1);
  assert.equal(fixture.loop.running, null);
});
