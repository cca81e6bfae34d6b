import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import type { Fault, FaultMatch } from '../support/fake-apiserver/faults.ts';
import { FakeApiServer } from '../support/fake-apiserver/server.ts';
import { serverState, startReflector } from '../support/reflector-fixture.ts';

type Step =
  | { readonly do: 'put' | 'delete'; readonly name: string; readonly data: number }
  | { readonly do: 'fault'; readonly match: FaultMatch; readonly fault: Fault }
  | { readonly do: 'cut' | 'compact' | 'outage' | 'wait' }
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
  { weight: 4, arbitrary: fc.constantFrom<Step>({ do: 'cut' }, { do: 'compact' }, { do: 'outage' }, { do: 'wait' }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const), writes: fc.nat(4) }) },
);

async function play(fake: FakeApiServer, each: Step): Promise<void> {
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
    case 'wait':
      await fake.waitForRequest(() => true, fake.requests.length - 1);
      break;
    case 'outage':
      await fake.goAway();
      await fake.listen();
      break;
    case 'restore':
      await fake.goAway();
      // Never as far back as the first revision, and the backup is older than what the reflector may have seen.
      fake.storage.rollBack(Math.max(1, fake.storage.revision - each.writes));
      await fake.listen();
      break;
  }
}

test('after any writes and faults the published objects are those of the server', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const fake = await FakeApiServer.start({ bookmarkIntervalMs: 5 });
      const fixture = startReflector(fake, {
        timing: { inactivityMs: 40, backoff: { baseMs: 0.5, capMs: 2, resetAfterMs: 10 } },
      });
      try {
        await fixture.until(() => fixture.reflector.status().synced);
        for (const each of steps) await play(fake, each);
        fake.faults.clear();
        // Written after a rollback might have been: a fresh object, so that equality cannot hold by standing still.
        fake.put('services', { metadata: { name: 'last', namespace: 'shop' }, data: steps.length });
        await fixture.until(() => isDeepStrictEqual(fixture.store, serverState(fake)));
        assert.equal(fixture.reflector.status().objects, fixture.store.size);
        assert.ok(fake.requests.length < 60 + steps.length * 20, `${fake.requests.length} requests`);
      } finally {
        await fixture.stop();
        await fake.close();
      }
    }),
    { numRuns: 60 },
  );
});
