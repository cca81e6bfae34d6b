/**
 * Pages of the reference are in step with the code. `cli.md` is generated: run this file with `--test-update-snapshots`.
 * `outcomes.md` and `balancers.md` are written by hand and compared both ways.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BALANCERS } from '../../src/model/upstream-policy.ts';
import { Outcome, statusOf } from '../../src/proxy/outcome.ts';
import { renderCliReference } from './cli-reference.ts';

const path = (name: string): string => fileURLToPath(new URL(`../../docs/reference/${name}`, import.meta.url));

test('cli.md is what the table of flags says', (t: TestContext) => {
  t.assert.fileSnapshot(renderCliReference(), path('cli.md'), { serializers: [(text: string) => text] });
});

/** `| \`name\` | status | …`, by name. */
function readOutcomeTable(): ReadonlyMap<string, string> {
  const rows = readFileSync(path('outcomes.md'), 'utf8').matchAll(/^\| `([a-z-]+)` \| ([^|]+) \|/gm);
  return new Map(Array.from(rows, ([, name = '', status = '']) => [name, status.trim()]));
}

test('outcomes.md describes every outcome, in order, and no other', () => {
  assert.deepEqual([...readOutcomeTable().keys()], Object.values(Outcome));
});

/** Their status comes from the upstream, from the route, or nobody is there to get one. */
const WITHOUT_STATUS = new Set<Outcome>([Outcome.Ok, Outcome.LocalAnswer, Outcome.RouteClosed, Outcome.ClientAborted]);

for (const outcome of Object.values(Outcome).filter((one) => !WITHOUT_STATUS.has(one))) {
  test(`outcomes.md gives the status of ${outcome}`, () => {
    assert.equal(readOutcomeTable().get(outcome), String(statusOf(outcome)));
  });
}

test('balancers.md describes every balancer, in order, and no other', () => {
  const [table = ''] = readFileSync(path('balancers.md'), 'utf8').split('What they have in common');
  const names = Array.from(table.matchAll(/^\| `([a-z-]+)` \|/gm), ([, name]) => name);
  assert.deepEqual(names, [...BALANCERS]);
});
