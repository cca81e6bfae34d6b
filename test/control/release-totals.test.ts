/** What releases told, over all threads: no total goes down while its release exists. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReleaseTotals } from '../../src/control/release-totals.ts';
import type { ReleaseFigures } from '../../src/model/release.ts';
import { canaryConfig, proxyConfig, routeConfig } from '../support/proxy-config.ts';
import { release } from '../support/release.ts';

function figures(id: string, stable: number, canary: number): ReleaseFigures {
  return {
    id,
    stable: { requests: stable, failures: 1, latency: [stable, 0] },
    canary: { requests: canary, failures: 2, latency: [0, canary] },
  };
}

function requests(totals: ReleaseTotals): readonly string[] {
  return totals.sum().map(({ id, stable, canary }) => `${id} ${stable.requests}/${canary.requests}`);
}

function configWith(...ids: readonly string[]): Parameters<ReleaseTotals['retain']>[0] {
  const canaries = ids.map((id) => canaryConfig('next', { release: release({ id }) }));
  const split = { members: [{ upstream: 'main', weight: 1, filters: [] }], canaries };
  return proxyConfig({ generation: 1, routes: [routeConfig('a', 'main', { split })] });
}

test('threads add up, field by field', () => {
  const totals = new ReleaseTotals();
  totals.note(1, [figures('r', 10, 1)]);
  totals.note(2, [figures('r', 5, 3), figures('s', 7, 0)]);
  assert.deepEqual(totals.sum(), [
    {
      id: 'r',
      stable: { requests: 15, failures: 2, latency: [15, 0] },
      canary: { requests: 4, failures: 4, latency: [0, 4] },
    },
    figures('s', 7, 0),
  ]);
});

test('a thread says totals: the newest counts, and stays when no newer one comes', () => {
  const totals = new ReleaseTotals();
  totals.note(1, [figures('r', 10, 1)]);
  totals.note(1, [figures('r', 12, 2)]);
  assert.deepEqual(requests(totals), ['r 12/2']);
  assert.deepEqual(requests(totals), ['r 12/2']);
});

test('what a dead thread counted stays, beside its replacement', () => {
  const totals = new ReleaseTotals();
  totals.note(1, [figures('r', 10, 1)]);
  totals.retire(1);
  totals.retire(1);
  assert.deepEqual(requests(totals), ['r 10/1']);
  totals.note(2, []);
  totals.retain(configWith('r'));
  assert.deepEqual(requests(totals), ['r 10/1']);
  totals.note(2, [figures('r', 3, 0)]);
  assert.deepEqual(requests(totals), ['r 13/1']);
});

test('a release that no configuration has any more is forgotten', () => {
  const totals = new ReleaseTotals();
  totals.note(1, [figures('r', 10, 1), figures('s', 1, 1)]);
  totals.retire(1);
  totals.retain(configWith('s'));
  assert.deepEqual(requests(totals), ['s 1/1']);
});
