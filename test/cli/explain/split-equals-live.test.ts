/** The explanation of a split and the data plane's decision are written twice; here they are held together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { Upstream } from '../../../src/balancer/upstream.ts';
import { explainSplit } from '../../../src/cli/explain/explain-split.ts';
import { BucketReader } from '../../../src/live/bucket-reader.ts';
import { type LiveCanary, LiveSplit, SplitTarget } from '../../../src/live/live-split.ts';
import { compileMatch } from '../../../src/live/request-match.ts';
import { SplitStats } from '../../../src/live/route-stats.ts';
import { StickyEndpoints } from '../../../src/live/sticky-endpoints.ts';
import type { CanaryConfig, CanaryHeaderMatch, RequestMatch } from '../../../src/model/canary.ts';
import type { LaneConfig } from '../../../src/model/lane.ts';
import type { SplitConfig } from '../../../src/model/proxy-config.ts';

const SOURCE = { kind: 'Ingress', namespace: 'a', name: 'b' };
const CLIENT = '192.0.2.1';
const LANE_COOKIE = { name: 'lane', path: '/', maxAgeSeconds: null, sameSite: '', alwaysSecure: false } as const;
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
const match: fc.Arbitrary<RequestMatch> = fc.letrec<{ readonly match: RequestMatch }>((tie) => ({
  match: fc.oneof(
    { maxDepth: 3 },
    fc.record({
      kind: fc.constant('value' as const),
      of: fc.constantFrom('header' as const, 'query' as const),
      name: headerName,
      test: fc.constantFrom('present' as const, 'exact' as const, 'prefix' as const, 'pattern' as const),
      value: fc.constantFrom('be', 'beta', 'other'),
    }),
    fc.record({
      kind: fc.constant('value' as const),
      of: fc.constant('cookie' as const),
      name: fc.constantFrom('C1', 'c2'),
      test: fc.constantFrom('present' as const, 'exact' as const),
      value: fc.constantFrom('always', 'other'),
    }),
    fc.constantFrom<RequestMatch>(
      { kind: 'method', methods: ['GET', 'PUT'] },
      { kind: 'method', methods: ['POST'] },
      { kind: 'source', networks: ['10.0.0.0/8', '192.0.2.0/24'] },
      { kind: 'source', networks: ['2001:db8::/32'] },
    ),
    fc.record({ kind: fc.constant('not' as const), term: tie('match') }),
    fc.record({
      kind: fc.constantFrom('and' as const, 'or' as const),
      terms: fc.array(tie('match'), { minLength: 1, maxLength: 3 }),
    }),
  ),
})).match;
const buckets = fc.option(
  fc.record({
    by: fc.oneof(
      fc.record({ kind: fc.constant('header' as const), name: headerName }),
      fc.constant({ kind: 'client-ip' as const }),
    ),
    seed: fc.string(),
  }),
  { nil: undefined },
);
const lane: fc.Arbitrary<LaneConfig> = fc.record(
  {
    name: fc.constantFrom('v2', 'v3', 'other'),
    header: fc.constant('X-Sluice-Lane'),
    inCookie: fc.constant(true as const),
  },
  { requiredKeys: ['name', 'header'] },
);
const canary: fc.Arbitrary<CanaryConfig> = fc.record(
  {
    upstream: upstreamName,
    header: fc.option(headerRule),
    cookie: fc.option(fc.constantFrom('c1', 'C2')),
    match,
    gate: match,
    rulesFirst: fc.constant(true as const),
    standsIn: fc.constant(true as const),
    lane,
    weight: fc.constantFrom(-1, 0, 10, 25, 50, 100, 200),
    weightTotal: fc.constantFrom(100, 200),
    sticky: fc.boolean(),
    source: fc.constant(SOURCE),
    sourceField: fc.constant(''),
  },
  { requiredKeys: ['upstream', 'header', 'cookie', 'weight', 'weightTotal', 'sticky', 'source', 'sourceField'] },
);
const request = fc.record({
  'x-one': fc.option(wordValue),
  'x-two': fc.option(wordValue),
  cookie: fc.option(
    fc.constantFrom('c1=always', 'x=1; c2=never', 'C1=never; c2=always', 'c2=other', 'lane=v2', 'c2=never; Lane=v3'),
  ),
});

function hashOf(id: string): string {
  return new StickyEndpoints(new Upstream(id, 'round-robin', 1), id).hash;
}

function buildLive(split: SplitConfig, empty: ReadonlySet<string>): LiveSplit {
  const upstreams = new Map<string, Upstream>();
  const target = (
    id: string,
    isCanary: boolean,
    weight: number,
    own: LaneConfig | null,
    isSticky = true,
  ): SplitTarget => {
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
    const binding = { hashKey: null, sticky: isSticky ? new StickyEndpoints(upstream, id) : null, lane: own };
    return new SplitTarget(upstream, new SplitStats(id, isCanary), weight, binding);
  };
  const canaries = split.canaries.map(
    (each): LiveCanary => ({
      target: target(each.upstream, true, each.weight, each.lane ?? null, each.sticky),
      headerName: each.header?.name ?? '',
      headerKind: each.header?.kind ?? 'word',
      headerValue: each.header?.value ?? '',
      headerPattern: each.header?.kind === 'pattern' ? RE2JS.compile(each.header.value) : null,
      cookie: each.cookie ?? '',
      weight: each.weight,
      weightTotal: each.weightTotal,
      match: each.match === undefined ? null : compileMatch(each.match),
      gate: each.gate === undefined ? null : compileMatch(each.gate),
      rulesFirst: each.rulesFirst === true,
      standsIn: each.standsIn === true,
    }),
  );
  return new LiveSplit(
    split.members.map(({ upstream, weight, lane: own = null }) => target(upstream, false, weight, own)),
    canaries,
    split.buckets === undefined ? null : new BucketReader(split.buckets),
    split.stays === undefined ? null : compileMatch(split.stays),
    split.laneAnswer?.cookie?.name,
  );
}

test('for any split and request, what explain promises is what the data plane does', () => {
  fc.assert(
    fc.property(
      fc.array(canary, { maxLength: 4 }),
      fc.uniqueArray(upstreamName),
      request,
      fc.option(upstreamName),
      fc.record({ by: buckets, stays: fc.option(match), lane: fc.option(lane), cookie: fc.boolean() }),
      (canaries, none, headers, belongsTo, { by, stays, lane: own, cookie }) => {
        const split: SplitConfig = {
          members: [{ upstream: 'main', weight: 1, filters: [], ...(own === null ? {} : { lane: own }) }],
          canaries,
          ...(cookie ? { laneAnswer: { header: '', cookie: LANE_COOKIE } } : {}),
          ...(by === undefined ? {} : { buckets: by }),
          ...(stays === null ? {} : { stays }),
        };
        const empty = new Set<string>(none);
        const values = new Map<string, string | null>(Object.entries(headers));
        const header = (name: string): string | null => values.get(name) ?? null;
        const facts = { method: 'GET', header, queryParameter: () => null, clientIp: CLIENT };
        const live = buildLive(split, empty);
        const counts = new Map<string, number>();
        for (let at = 0; at < DRAWS; at++) {
          const draw = Math.floor(((at + 0.5) / DRAWS) * DRAW_LIMIT);
          const { stats } = live.chooseFor(belongsTo === null ? '' : hashOf(belongsTo), facts, facts.clientIp, draw);
          const key = `${stats.canary} ${stats.upstreamId}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
        const { shares } = explainSplit(split, facts, (id) => !empty.has(id), belongsTo);
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
