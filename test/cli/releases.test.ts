/** Releases between a source and the control loop: what is handed on, when once more, and under which numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Releases } from '../../src/cli/releases.ts';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { IngressObject } from '../../src/model/objects.ts';
import type { ProxyConfig } from '../../src/model/proxy-config.ts';
import type { ReleaseState } from '../../src/model/release.ts';
import { formatReleaseState } from '../../src/model/release-state.ts';
import { RELEASE_STATE_ANNOTATION } from '../../src/model/release-status.ts';
import { NO_REPLICAS } from '../../src/release/replica-exchange.ts';
import type { SnapshotListener } from '../../src/watch/source.ts';
import { eventuallyTrue, untilQuiet } from '../support/eventually-true.ts';
import * as fixtures from '../support/fixtures.ts';
import { canaryConfig, routeConfig, upstreamConfig } from '../support/proxy-config.ts';
import { release, releaseState } from '../support/release.ts';

function ingress(annotations: Readonly<Record<string, string>> = {}): IngressObject {
  const meta = { key: 'shop/canary', namespace: 'shop', name: 'canary', uid: '', resourceVersion: '' };
  return { ...meta, annotations, className: null, createdAt: 0, defaultBackend: null, rules: [], tls: [] };
}

function snapshot(revision: number, part: Partial<ObjectSnapshot> = {}): ObjectSnapshot {
  return fixtures.snapshot({ ingresses: [ingress()], classes: null, rest: { revision, ...part } });
}

class Fixture {
  readonly releases: Releases;
  readonly seen: ObjectSnapshot[] = [];
  readonly unreachable: number[] = [];
  readonly listener: SnapshotListener;

  constructor(states: ReadonlyMap<string, ReleaseState> = new Map()) {
    this.releases = new Releases({
      keeping: {
        store: { decides: () => true, store: () => Promise.resolve('') },
        replicas: NO_REPLICAS,
        states,
        absentLimitMs: 0,
        onForgotten: () => {},
        onTransition: () => {},
      },
      collect: () => Promise.resolve([]),
      logger: NULL_LOGGER,
    });
    this.listener = this.releases.passTo({
      onSnapshot: (each) => this.seen.push(each),
      onInvalid: () => {},
      onUnreachable: () => this.unreachable.push(1),
    });
  }

  /** A plan is in force that has not begun. */
  apply(): void {
    const canary = canaryConfig('next', { release: release() });
    const split = { members: [{ upstream: 'web', weight: 1, filters: [] }], canaries: [canary] };
    const config: Pick<ProxyConfig, 'routes' | 'upstreams'> = {
      routes: [routeConfig('a', 'web', { split })],
      upstreams: [upstreamConfig('next', '10.0.0.2:80'), upstreamConfig('web', '10.0.0.1:80')],
    };
    this.releases.observe(config as ProxyConfig);
  }

  stateIn(at: number): string | undefined {
    return this.seen.at(at)?.ingresses.get('shop/canary')?.annotations[RELEASE_STATE_ANNOTATION];
  }
}

test('without releases snapshots are handed on as they are', () => {
  const fixture = new Fixture();
  const first = snapshot(1);
  const second = snapshot(2, { endpointsOnly: true });
  fixture.listener.onSnapshot(first);
  fixture.listener.onSnapshot(second);
  fixture.listener.onUnreachable?.();
  assert.equal(fixture.seen[0], first);
  assert.equal(fixture.seen[1], second);
  assert.equal(fixture.releases.originOf(first), first);
  assert.equal(fixture.unreachable.length, 1);
});

test('a state that an earlier run left stands in the first snapshot', () => {
  const fixture = new Fixture(new Map([['shop/canary', releaseState({ step: 2 })]]));
  const first = snapshot(1);
  fixture.listener.onSnapshot(first);
  assert.equal(fixture.stateIn(0), formatReleaseState(releaseState({ step: 2 })));
  assert.equal(fixture.seen[0]?.revision, 1);
  assert.equal(fixture.releases.originOf(fixture.seen[0]), first);
});

test('a new state hands the last snapshot on once more, whole and under a number of its own', async (t) => {
  const fixture = new Fixture();
  t.after(() => fixture.releases.close());
  fixture.listener.onSnapshot(snapshot(1));
  const last = snapshot(2, { endpointsOnly: true });
  fixture.listener.onSnapshot(last);
  fixture.apply();
  await eventuallyTrue(() => fixture.seen.length === 3);
  assert.match(fixture.stateIn(2) ?? '', /"phase":"running","step":0/);
  const [, , added] = fixture.seen;
  assert.deepEqual([added?.revision, added?.endpointsOnly, added?.isRepeated], [3, false, true]);
  assert.equal(fixture.releases.originOf(added as ObjectSnapshot), last);
  // Nothing is to be laid over anew: endpoints take the short road again, behind the number that was given out.
  fixture.listener.onSnapshot(snapshot(3, { ingresses: last.ingresses, endpointsOnly: true }));
  assert.deepEqual([fixture.seen[3]?.revision, fixture.seen[3]?.endpointsOnly], [4, true]);
  assert.equal(fixture.seen[3]?.isRepeated, undefined);
  assert.equal(fixture.seen[3]?.ingresses, added?.ingresses);
  await untilQuiet(() => fixture.seen.length);
  assert.equal(fixture.seen.length, 4);
});

test('a source that has caught up is handed on with what it has, and nothing more follows', async (t) => {
  const fixture = new Fixture();
  t.after(() => fixture.releases.close());
  fixture.listener.onSnapshot(snapshot(1));
  fixture.apply();
  await eventuallyTrue(() => fixture.seen.length === 2);
  const stored = new Map([['shop/canary', ingress({ [RELEASE_STATE_ANNOTATION]: fixture.stateIn(1) ?? '' })]]);
  fixture.listener.onSnapshot(snapshot(2, { ingresses: stored }));
  assert.equal(fixture.seen[2]?.ingresses, stored);
  assert.equal(fixture.seen[2]?.endpointsOnly, false);
  await untilQuiet(() => fixture.seen.length);
  assert.equal(fixture.seen.length, 3);
  assert.equal(fixture.releases.report().releases[0]?.stored, true);
});
