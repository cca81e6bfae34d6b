/** A reflector arrives at the state of the server, whatever fails on the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import type { Fault, FaultMatch } from '../support/fake-apiserver/faults.ts';
import { FakeApiServer } from '../support/fake-apiserver/server.ts';
import { type ReflectorFixture, serverState, startReflector } from '../support/reflector-fixture.ts';

type Step =
  | { readonly do: 'put' | 'delete'; readonly name: string; readonly data: number }
  | { readonly do: 'fault'; readonly match: FaultMatch; readonly fault: Fault }
  /** `settle`: until the reflector has caught up. */
  | { readonly do: 'cut' | 'compact' | 'outage' | 'settle' }
  /** The backup is this many writes old. */
  | { readonly do: 'restore'; readonly writes: number };

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');

const fault: fc.Arbitrary<Step> = fc
  .oneof(
    fc.constantFrom<Fault>(
      { kind: 'reset' },
      { kind: 'stall' },
      { kind: 'end' },
      { kind: 'garbage' },
      { kind: 'one-byte-chunks' },
      { kind: 'error-event', code: 410, reason: 'Expired' },
      { kind: 'error-event', code: 500, reason: 'InternalError' },
      { kind: 'error-event', code: 504, reason: 'Timeout' },
    ),
    fc.record({
      kind: fc.constant('cut' as const),
      afterEvents: fc.nat(3),
      midLine: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('status' as const),
      code: fc.constantFrom(400, 401, 403, 404, 410, 429, 500, 503),
    }),
  )
  .map((each) => ({ do: 'fault', match: { watch: true }, fault: each }));

const listFault: fc.Arbitrary<Step> = fc
  .oneof(
    fc.constant<Fault>({ kind: 'reset' }),
    fc.record({ kind: fc.constant('status' as const), code: fc.constantFrom(401, 403, 410, 429, 500) }),
  )
  .chain((each) =>
    fc.boolean().map((continued): Step => ({ do: 'fault', match: { watch: false, continued }, fault: each })),
  );

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), name, data: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), name, data: fc.constant(0) }) },
  { weight: 3, arbitrary: fault },
  { weight: 1, arbitrary: listFault },
  { weight: 5, arbitrary: fc.constantFrom<Step>({ do: 'cut' }, { do: 'compact' }, { do: 'outage' }, { do: 'settle' }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('restore' as const), writes: fc.nat(4) }) },
);

const INACTIVITY_MS = 40;

interface Scene {
  readonly fake: FakeApiServer;
  readonly fixture: ReflectorFixture;
}

function settle({ fake, fixture }: Scene): Promise<void> {
  return fixture.until(() => fake.openStreams > 0 && isDeepStrictEqual(fixture.store, serverState(fake)));
}

/**
 * Written to again only after the reflector has asked: revisions that overtake the lost ones before anybody asks are
 * beyond what the protocol can tell.
 */
async function restore(scene: Scene, writes: number): Promise<void> {
  const { fake } = scene;
  fake.faults.clear();
  await settle(scene);
  await fake.goAway();
  fake.storage.rollBack(Math.max(1, fake.storage.revision - writes));
  const asked = fake.requests.length;
  await fake.listen();
  await fake.waitForRequest(({ watch }) => !watch, asked);
}

async function play(scene: Scene, each: Step): Promise<void> {
  const { fake } = scene;
  switch (each.do) {
    case 'put':
      fake.put('services', { metadata: { name: each.name, namespace: 'shop' }, data: each.data });
      break;
    case 'delete':
      fake.delete('services', `shop/${each.name}`);
      break;
    case 'fault':
      fake.faults.push(each.match, each.fault);
      break;
    case 'cut':
      fake.cutStreams();
      break;
    case 'compact':
      fake.storage.compact();
      break;
    case 'settle':
      await settle(scene);
      break;
    case 'outage':
      await fake.goAway();
      await fake.listen();
      break;
    case 'restore':
      await restore(scene, each.writes);
      break;
  }
}

test('after any writes and faults the published objects are those of the server', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const startMs = performance.now();
      const fake = await FakeApiServer.start({ bookmarkIntervalMs: 5 });
      const fixture = startReflector(fake, {
        timing: { inactivityMs: INACTIVITY_MS, backoff: { baseMs: 0.5, capMs: 2, resetAfterMs: 10 } },
      });
      try {
        await fixture.until(() => fixture.reflector.status().synced);
        for (const each of steps) await play({ fake, fixture }, each);
        fake.faults.clear();
        await settle({ fake, fixture });
        assert.equal(fixture.reflector.status().objects, fixture.store.size);
        // On a slow machine streams are silent for longer than they may be, and each such time costs a request or two.
        const silences = (performance.now() - startMs) / INACTIVITY_MS;
        const most = 60 + steps.length * 20 + silences * 2;
        assert.ok(fake.requests.length < most, `${fake.requests.length} requests, expected fewer than ${most}`);
      } finally {
        await fixture.stop();
        await fake.close();
      }
    }),
    { numRuns: 100, endOnFailure: true },
  );
});
