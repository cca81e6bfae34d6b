/** How many results in a row change the health of an endpoint. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type HealthState, nextHealthState } from '../../src/health/health-state.ts';

const NEW_ENDPOINT: HealthState = { healthy: true, streak: 0 };

interface Case {
  readonly name: string;
  readonly results: string;
  /** The verdict after each result: `+` healthy, `-` unhealthy. */
  readonly verdicts: string;
}

/** Unhealthy after 2, healthy after 3; `1` is a success, `0` a failure. */
const cases: readonly Case[] = [
  { name: 'a new endpoint is healthy and stays so while checks succeed', results: '111', verdicts: '+++' },
  { name: 'one failure is not enough', results: '0101', verdicts: '++++' },
  { name: 'the second failure in a row takes it out', results: '100', verdicts: '++-' },
  { name: 'the third success in a row takes it back', results: '00111', verdicts: '+---+' },
  { name: 'a failure among the successes starts the count again', results: '0011011111', verdicts: '+------+++' },
];

for (const c of cases) {
  test(c.name, () => {
    let state = NEW_ENDPOINT;
    let verdicts = '';
    for (const result of c.results) {
      state = nextHealthState(state, result === '1', { unhealthyAfter: 2, healthyAfter: 3 });
      verdicts += state.healthy ? '+' : '-';
    }
    assert.equal(verdicts, c.verdicts);
  });
}

test('a threshold of one turns the verdict with each result', () => {
  const thresholds = { unhealthyAfter: 1, healthyAfter: 1 };
  const down = nextHealthState(NEW_ENDPOINT, false, thresholds);
  assert.deepEqual(down, { healthy: false, streak: 0 });
  assert.deepEqual(nextHealthState(down, true, thresholds), { healthy: true, streak: 0 });
});

test('the verdict is the last run of equal results that reached its threshold', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 60 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      (results, unhealthyAfter, healthyAfter) => {
        let state: HealthState = NEW_ENDPOINT;
        let expected = true;
        for (const [at, success] of results.entries()) {
          state = nextHealthState(state, success, { unhealthyAfter, healthyAfter });
          const run = at - results.lastIndexOf(!success, at);
          if (run >= (success ? healthyAfter : unhealthyAfter)) expected = success;
          assert.equal(state.healthy, expected);
          assert.ok(state.streak < (state.healthy ? unhealthyAfter : healthyAfter));
        }
      },
    ),
  );
});
