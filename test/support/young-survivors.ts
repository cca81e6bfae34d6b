/** How much of what came and went is still there after a collection of young objects. */
import assert from 'node:assert/strict';
import { getHeapSpaceStatistics } from 'node:v8';
import { exposeCollector } from '../../src/cli/exposed-collector.ts';

const collect = exposeCollector();

/**
 * @param churn makes and drops objects; what it works on is old by then, as all is that a program has had for a while
 * @returns bytes that became old meanwhile
 */
export function bytesThatSurvive(churn: () => void): number {
  assert.ok(collect !== null, 'this runtime has no collector to ask');
  collect({ type: 'major', execution: 'sync' });
  const before = oldBytes();
  churn();
  // An object is moved once among the young before it is old.
  for (let round = 0; round < 3; round++) collect({ type: 'minor', execution: 'sync' });
  return oldBytes() - before;
}

function oldBytes(): number {
  const spaces = getHeapSpaceStatistics().filter(({ space_name: name }) => name.startsWith('old'));
  return spaces.reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
}
