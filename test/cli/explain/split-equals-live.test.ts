/** The explanation of a split and the data plane's decision are written twice; here they are held together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { Upstream } from '../../../src/balancer/upstream.ts';
import { explainSplit } from '../../../src/cli/explain/explain-split.ts';
import { type LiveCanary, LiveSplit, SplitTarget } from '../../../src/live/live-split.ts';
import { SplitStats } from '../../../src/live/route-stats.ts';
import { StickyEndpoints } from '../../../src/live/sticky-endpoints.ts';
import type { CanaryConfig, CanaryHeaderMatch, SplitConfig } from '../../../src/model/proxy-config.ts';

const SOURCE = { kind: 'Ingress', namespace: 'a', name: 'b' };
const DRAWS = 4_000;
const DRAW_LIMIT = 0x8000_0000;

const upstreamName = fc.constantFrom('main', 'a', 'b', 'c');
const wordValue = fc.constantFrom('always', 'never', 'other', 'beta');
const headerName = fc.constantFrom('x-one', 'x-two');
const headerRule: fc.Arbitrary<CanaryHeaderMatch> = fc.oneof(
  fc.record({ name: headerName, kind: fc.constant('word' as const), value: fc.constant('') }),
  fc.record({ name: headerName, kind: fc.constant('exact' as const), value: wordValue }),
  fc.record({ name: headerName, kind: fc.constant('pattern' as const), value: fc.constantFrom('^be', 'er$', '.*') }),
);
const canary: fc.Arbitrary<CanaryConfig> = fc.record({
  upstream: upstreamName,
  header: fc.option(headerRule),
  cookie: fc.option(fc.constantFrom('c1', 'C2')),
  weight: fc.constantFrom(-1, 0, 10, 25, 50, 100, 200),
  weightTotal: fc.constantFrom(100, 200),
  sticky: fc.boolean(),
  source: fc.constant(SOURCE),
  sourceField: fc.constant(''),
});
const request = fc.record({
  'x-one': fc.option(wordValue),
  'x-two': fc.option(wordValue),
  cookie: fc.option(fc.constantFrom('c1=always', 'x=1; c2=never', 'C1=never; c2=always', 'c2=other')),
});

function hashOf(id: string): string {
  return new StickyEndpoints(new Upstream(id, 'round-robin', 1), id).hash;
}

function buildLive(split: SplitConfig, empty: ReadonlySet<string>): LiveSplit {
  const upstreams = new Map<string, Upstream>();
  const target = (id: string, isCanary: boolean, weight: number, isSticky = true): SplitTarget => {
    let upstream = upstreams.get(id);
    if (upstream === undefined) {
      upstream = new Upstream(id, 'round-robin', 1);
      const addresses = empty.has(id) ? [] : [{ address: '10.0.0.1', port: 80, weight: 1 }];
      upstream.update(addresses, () => ({
        openCount: 0,
        idleCount: 0,
        close: () => undefined,
        retire: () => undefined,
      }));
      upstreams.set(id, upstream);
    }
    const binding = { hashKey: null, sticky: isSticky ? new StickyEndpoints(upstream, id) : null };
    return new SplitTarget(upstream, new SplitStats(id, isCanary), weight, binding);
  };
  const canaries = split.canaries.map(
    (each): LiveCanary => ({
      target: target(each.upstream, true, each.weight, each.sticky),
      headerName: each.header?.name ?? '',
      headerKind: each.header?.kind ?? 'word',
      headerValue: each.header?.value ?? '',
      headerPattern: each.header?.kind === 'pattern' ? RE2JS.compile(each.header.value) : null,
      cookie: each.cookie ?? '',
      weight: each.weight,
      weightTotal: each.weightTotal,
    }),
  );
  return new LiveSplit(
    split.members.map(({ upstream, weight }) => target(upstream, false, weight)),
    canaries,
  );
}

test('for any split and request, what explain promises is what the data plane does', () => {
  fc.assert(
    fc.property(
      fc.array(canary, { maxLength: 4 }),
      fc.uniqueArray(upstreamName),
      request,
      fc.option(upstreamName),
      (canaries, none, headers, belongsTo) => {
        const split: SplitConfig = { members: [{ upstream: 'main', weight: 1, filters: [] }], canaries };
        const empty = new Set<string>(none);
        const values = new Map<string, string | null>(Object.entries(headers));
        const header = (name: string): string | null => values.get(name) ?? null;
        const live = buildLive(split, empty);
        const counts = new Map<string, number>();
        for (let at = 0; at < DRAWS; at++) {
          const draw = Math.floor(((at + 0.5) / DRAWS) * DRAW_LIMIT);
          const { stats } = live.chooseFor(
            belongsTo === null ? '' : hashOf(belongsTo),
            { method: 'GET', header, queryParameter: () => null },
            draw,
          );
          const key = `${stats.canary} ${stats.upstreamId}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        const { shares } = explainSplit(split, { header }, (id) => !empty.has(id), belongsTo);
        const promised = new Map(
          shares.map(({ canary: isCanary, upstream, probability }) => [`${isCanary} ${upstream}`, probability]),
        );
        assert.deepEqual([...promised.keys()].toSorted(), [...counts.keys()].toSorted());
        for (const [key, count] of counts) {
          // Evenly spaced draws: each border between two shares may be off by one.
          assert.ok(Math.abs(count / DRAWS - (promised.get(key) ?? 0)) <= 4 / DRAWS, `${key}: ${count} of ${DRAWS}`);
        }
      },
    ),
  );
});
