/**
 * Two replicas and what they store in, in arbitrary order of leaders, outages, requests and time: no share is ever raised that
 * was not stored, a stop is never undone, and in the end all agree.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ReleaseState } from '../../src/model/release.ts';
import { isStop } from '../../src/model/release-order.ts';
import { figures, side } from '../support/release.ts';
import { ReleaseHarness } from '../support/release-harness.ts';

const STEPS = [
  { percent: 10, holdMs: 3_000 },
  { percent: 50, holdMs: 3_000 },
  { percent: 100, holdMs: 3_000 },
];
const GOOD = figures(side(900, 0), side(300, 0));
const BAD = figures(side(900, 0), side(300, 200));

type Event =
  | { readonly kind: 'pass'; readonly seconds: number }
  | { readonly kind: 'lead'; readonly who: number }
  | { readonly kind: 'outage' }
  | { readonly kind: 'contact' }
  | { readonly kind: 'watch' | 'hear' | 'good' | 'bad'; readonly who: number };

const who = fc.nat(1);
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lead' as const), who: fc.integer({ min: -1, max: 1 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('outage' as const, 'contact' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('watch' as const, 'hear' as const, 'good' as const), who }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('bad' as const), who }) },
);

class Cluster {
  readonly replicas: readonly ReleaseHarness[];
  /** What stands in the object. */
  stored: ReleaseState | null = null;
  readonly everStored = new Set<string>();
  away = false;

  constructor() {
    this.replicas = [this.#replica(), this.#replica()];
  }

  async begin(): Promise<void> {
    this.lead(0);
    for (const replica of this.replicas) await replica.use({ steps: STEPS });
    for (const replica of this.replicas) await this.watch(replica);
  }

  lead(leader: number): void {
    for (const [at, replica] of this.replicas.entries()) replica.decides = at === leader;
  }

  async watch(replica: ReleaseHarness): Promise<void> {
    if (!this.away) await replica.use({ state: this.stored });
  }

  /** Leases are a way through the same server. */
  hear(replica: ReleaseHarness): void {
    if (!this.away) replica.heard = this.replicas.filter((each) => each !== replica).flatMap(({ told }) => told);
  }

  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      for (const replica of this.replicas) {
        await replica.pass(1_000);
        this.check();
      }
    }
  }

  check(): void {
    for (const { status } of this.replicas) {
      const { state } = status;
      if (state === null || isStop(state)) continue;
      assert.ok(this.everStored.has(JSON.stringify(state)), `in force, and never stored: ${JSON.stringify(state)}`);
    }
  }

  #replica(): ReleaseHarness {
    const replica = new ReleaseHarness();
    replica.keep = (state, before) => {
      if (this.away) return 'away';
      if (this.stored !== null && isStop(this.stored)) return isStop(state) ? '' : 'stopped';
      if (!isStop(state) && JSON.stringify(this.stored) !== JSON.stringify(before)) return 'changed';
      this.stored = state;
      this.everStored.add(JSON.stringify(state));
      return '';
    };
    return replica;
  }
}

test('whatever happens, shares are raised by what is stored alone, stops last, and all agree in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 40 }), who, fc.boolean(), async (events, last, early) => {
      const cluster = new Cluster();
      await cluster.begin();
      // Half of the time what is bad shows early, to one of them alone.
      if (early) cluster.replicas[1]?.count(BAD);
      cluster.replicas[0]?.count(GOOD);
      const stopped = [false, false];
      for (const each of events) {
        if (each.kind === 'pass') await cluster.pass(each.seconds);
        else if (each.kind === 'lead') cluster.lead(each.who);
        else if (each.kind === 'outage' || each.kind === 'contact') cluster.away = each.kind === 'outage';
        else {
          const replica = cluster.replicas[each.who] as ReleaseHarness;
          if (each.kind === 'watch') await cluster.watch(replica);
          else if (each.kind === 'hear') cluster.hear(replica);
          else replica.count(each.kind === 'good' ? GOOD : BAD);
        }
        for (const [at, { status }] of cluster.replicas.entries()) {
          const stop = status.state !== null && isStop(status.state);
          // Whoever comes with it long after the end gives in.
          assert.ok(stop || stopped[at] === false || cluster.stored?.phase === 'completed', 'a stop was undone');
          stopped[at] = stop;
        }
      }
      // Everything is well again: one leads, the server is there, and the watch brings what is stored.
      cluster.away = false;
      cluster.lead(last);
      for (let round = 0; round < 14; round++) {
        for (const replica of cluster.replicas) {
          await cluster.watch(replica);
          cluster.hear(replica);
          replica.count(GOOD);
        }
        await cluster.pass(3);
      }
      for (const replica of cluster.replicas) await cluster.watch(replica);
      const [one, other] = cluster.replicas.map(({ stage }) => stage);
      assert.equal(one, other);
      assert.equal(one, `${cluster.stored?.phase} ${cluster.stored?.step}`);
    }),
    { numRuns: 150 },
  );
});
