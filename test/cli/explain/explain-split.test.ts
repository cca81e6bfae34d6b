/** What `explain` says of a split: which step decides, and the shares of the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  explainSplit,
  type SplitExplanation,
  type SplitRequest,
  type SplitShare,
} from '../../../src/cli/explain/explain-split.ts';
import { applyRelease } from '../../../src/config/apply-release.ts';
import type { CanaryConfig } from '../../../src/model/canary.ts';
import type { SplitConfig } from '../../../src/model/proxy-config.ts';
import type { ReleaseConfig, ReleasePhase, ReleaseState } from '../../../src/model/release.ts';
import { release, releaseState } from '../../support/release.ts';

type CanaryParts = Partial<CanaryConfig>;

function split(...canaries: readonly CanaryParts[]): SplitConfig {
  return {
    members: [{ upstream: 'main', weight: 1, filters: [] }],
    canaries: canaries.map((parts) => ({
      upstream: 'next',
      header: null,
      cookie: null,
      weight: 0,
      weightTotal: 100,
      sticky: true,
      source: { kind: 'Ingress', namespace: 'shop', name: 'canary' },
      sourceField: 'metadata.annotations',
      ...parts,
    })),
  };
}

function request(header: SplitRequest['header']): SplitRequest {
  return { method: 'GET', header, queryParameter: () => null, clientIp: '192.0.2.1' };
}

interface Case {
  readonly name: string;
  readonly split: SplitConfig;
  readonly headers?: Readonly<Record<string, string>>;
  readonly empty?: readonly string[];
  /** Percent by upstream. */
  readonly shares: Readonly<Record<string, number>>;
}

const word = { name: 'x-canary', kind: 'word', value: '' } as const;
const exact = { name: 'x-canary', kind: 'exact', value: 'beta' } as const;
const pattern = { name: 'x-canary', kind: 'pattern', value: '^be' } as const;

const cases: readonly Case[] = [
  { name: 'without canaries everything goes to the main', split: split(), shares: { main: 100 } },
  { name: 'weight 5 takes 5 percent', split: split({ weight: 5 }), shares: { main: 95, next: 5 } },
  { name: 'weight 0 takes nothing', split: split({ weight: 0 }), shares: { main: 100 } },
  { name: 'a weight at the total takes everything', split: split({ weight: 100 }), shares: { next: 100 } },
  { name: 'a weight above the total takes everything', split: split({ weight: 300 }), shares: { next: 100 } },
  {
    name: 'a total of 1000 makes finer shares',
    split: split({ weight: 5, weightTotal: 1000 }),
    shares: { main: 99.5, next: 0.5 },
  },
  {
    name: 'weights of several canaries add up',
    split: split({ upstream: 'a', weight: 10 }, { upstream: 'b', weight: 20 }),
    shares: { main: 70, a: 10, b: 20 },
  },
  {
    name: 'weights beyond the whole are out of reach, in order',
    split: split({ upstream: 'a', weight: 70 }, { upstream: 'b', weight: 50 }),
    shares: { a: 70, b: 30 },
  },
  {
    name: 'header always takes the canary',
    split: split({ header: word }),
    headers: { 'x-canary': 'always' },
    shares: { next: 100 },
  },
  {
    name: 'header never opts out of cookie and weight too',
    split: split({ header: word, cookie: 'c', weight: 100 }),
    headers: { 'x-canary': 'never', cookie: 'c=always' },
    shares: { main: 100 },
  },
  {
    name: 'any other word of the header goes on to the weight',
    split: split({ header: word, weight: 40 }),
    headers: { 'x-canary': 'Always' },
    shares: { main: 60, next: 40 },
  },
  { name: 'an absent header goes on', split: split({ header: word, weight: 40 }), shares: { main: 60, next: 40 } },
  {
    name: 'an exact value takes the canary',
    split: split({ header: exact }),
    headers: { 'x-canary': 'beta' },
    shares: { next: 100 },
  },
  {
    name: 'with an exact value the word never means nothing',
    split: split({ header: exact, weight: 100 }),
    headers: { 'x-canary': 'never' },
    shares: { next: 100 },
  },
  {
    name: 'a pattern is searched for',
    split: split({ header: pattern }),
    headers: { 'x-canary': 'beta' },
    shares: { next: 100 },
  },
  {
    name: 'a pattern that does not match goes on',
    split: split({ header: pattern }),
    headers: { 'x-canary': 'abe' },
    shares: { main: 100 },
  },
  {
    name: 'cookie always takes the canary',
    split: split({ cookie: 'Beta' }),
    headers: { cookie: 'a=1; beta=always' },
    shares: { next: 100 },
  },
  {
    name: 'cookie never opts out of the weight',
    split: split({ cookie: 'beta', weight: 100 }),
    headers: { cookie: 'beta=never' },
    shares: { main: 100 },
  },
  {
    name: 'a header of a later canary goes before the cookie of an earlier one',
    split: split({ upstream: 'a', cookie: 'c' }, { upstream: 'b', header: word }),
    headers: { cookie: 'c=always', 'x-canary': 'always' },
    shares: { b: 100 },
  },
  {
    name: 'never counts for every canary with the same upstream, and for no other',
    split: split({ upstream: 'a', header: word }, { upstream: 'a', weight: 30 }, { upstream: 'b', weight: 20 }),
    headers: { 'x-canary': 'never' },
    shares: { main: 80, b: 20 },
  },
  {
    name: 'a canary without endpoints leaves its requests to the main, even with always',
    split: split({ header: word, weight: 50 }),
    headers: { 'x-canary': 'always' },
    empty: ['next'],
    shares: { main: 100 },
  },
  {
    name: 'a main without endpoints is not hidden by a canary',
    split: split({ header: word, weight: 50 }),
    headers: { 'x-canary': 'always' },
    empty: ['main'],
    shares: { main: 100 },
  },
  {
    name: 'members share by weight, and the canary takes its part of each',
    split: {
      ...split({ weight: 50 }),
      members: [
        { upstream: 'a', weight: 3, filters: [] },
        { upstream: 'b', weight: 1, filters: [] },
      ],
    },
    shares: { a: 37.5, b: 12.5, next: 50 },
  },
  {
    name: 'with all weights 0 the first member takes everything',
    split: { canaries: [], members: ['a', 'b'].map((upstream) => ({ upstream, weight: 0, filters: [] })) },
    shares: { a: 100 },
  },
];

function percents(shares: readonly SplitShare[]): Record<string, number> {
  return Object.fromEntries(shares.map(({ upstream, probability }) => [upstream, Math.round(probability * 1e6) / 1e4]));
}

for (const c of cases) {
  test(c.name, () => {
    const header = (name: string): string | null => c.headers?.[name] ?? null;
    const { shares } = explainSplit(c.split, request(header), (upstream) => c.empty?.includes(upstream) !== true);
    assert.deepEqual(percents(shares), c.shares);
  });
}

test('who takes over from a canary depends on what chose it, and on what was written', () => {
  const always = { 'x-canary': 'always' };
  const chosen: readonly (readonly [CanaryParts, Readonly<Record<string, string>>, string | null])[] = [
    [{ weight: 100 }, {}, 'main'],
    [{ weight: 100, header: word }, always, null],
    [{ weight: 100, header: word, fallback: 'always' }, always, 'main'],
    [{ weight: 100, fallback: 'never' }, {}, null],
    [{ upstream: 'main', weight: 100 }, {}, null],
    [{ upstream: 'main' }, {}, null],
  ];
  for (const [canary, headers, fallback] of chosen) {
    const [share] = explainSplit(
      split(canary),
      request((name) => headers[name] ?? null),
      () => true,
    ).shares;
    assert.equal(share?.fallback, fallback, JSON.stringify([canary, headers]));
  }
  const [kept] = explainSplit(
    split({ header: word }),
    request(() => null),
    () => true,
    'next',
  ).shares;
  assert.equal(kept?.fallback, 'main');
});

test('each side is shown with the lane its requests carry on', () => {
  const base = { name: 'base', header: 'X-Env' };
  const lanes = split({ weight: 30, lane: { name: 'v2', header: 'X-Env' } });
  const tagged = { ...lanes, members: lanes.members.map((member) => ({ ...member, lane: base })) };
  const { shares } = explainSplit(
    tagged,
    request(() => null),
    () => true,
  );
  assert.deepEqual(
    shares.map(({ upstream, lane }) => [upstream, lane]),
    [
      ['main', 'base'],
      ['next', 'v2'],
    ],
  );
  const [kept] = explainSplit(
    lanes,
    request(() => null),
    () => true,
    'main',
  ).shares;
  assert.deepEqual([kept?.upstream, kept?.lane], ['main', null]);
});

test('a request that comes in the lane of the main upstream stays there, whatever the weights', () => {
  const stays = { kind: 'value', of: 'header', name: 'x-env', test: 'exact', value: 'base' } as const;
  const divided: SplitConfig = { ...split({ weight: 30 }), stays };
  const ask = (lane: string | null): SplitExplanation =>
    explainSplit(
      divided,
      request(() => lane),
      () => true,
    );
  const [kept, other] = [ask('base'), ask('v2')];
  assert.deepEqual(
    kept.steps.map(({ rule, verdict, text }) => [rule, verdict, text]),
    [['lane', 'main', 'header x-env=base equal to "base", so it stays there']],
  );
  assert.deepEqual(
    kept.shares.map(({ upstream, probability }) => [upstream, probability]),
    [['main', 1]],
  );
  assert.deepEqual(
    other.steps.map(({ rule }) => rule),
    ['lane', 'weight'],
  );
  assert.equal(other.shares.length, 2);
});

test('the cookie of a lane keeps clients with its side, as long as that takes any', () => {
  const lane = { name: 'v2', header: 'X-Env', inCookie: true } as const;
  const canary = split({ weight: 30, cookie: 'c', lane });
  const cookie = { name: 'lane', path: '/', maxAgeSeconds: null, sameSite: '', alwaysSecure: false } as const;
  const kept: SplitConfig = {
    ...canary,
    members: canary.members.map((member) => ({ ...member, lane: { name: 'base', header: 'X-Env', inCookie: true } })),
    laneAnswer: { header: '', cookie },
  };
  const ask = (cookies: string | null, empty: string = ''): readonly unknown[] => {
    const header = (name: string): string | null => (name === 'cookie' ? cookies : null);
    const { shares, steps } = explainSplit(kept, request(header), (upstream) => upstream !== empty);
    const texts = steps.filter(({ rule }) => rule === 'lane').map(({ verdict, text }) => `${verdict}: ${text}`);
    return [shares.map(({ upstream }) => upstream).join(' '), ...texts];
  };
  assert.deepEqual(ask(null), ['main next']);
  assert.deepEqual(ask('lane=v1'), ['main next']);
  assert.deepEqual(ask('a=b; lane=v2'), ['next', 'canary: cookie lane says lane v2, which keeps the client there']);
  assert.deepEqual(ask('lane=base'), ['main', 'main: cookie lane says lane base, which keeps the client there']);
  const refused = 'next: cookie lane says lane v2, but it takes nothing of this client';
  assert.deepEqual(ask('lane=v2; c=never'), ['main', refused]);
  assert.deepEqual(ask('lane=v2', 'next'), ['main', refused]);
});

test('the steps say in order what each rule decided', () => {
  const headers = new Map([
    ['x-canary', 'maybe'],
    ['cookie', 'c=never'],
  ]);
  const header = (name: string): string | null => headers.get(name) ?? null;
  const { steps } = explainSplit(split({ header: word, cookie: 'c', weight: 5 }), request(header), () => true);
  assert.deepEqual(
    steps.map(({ rule, verdict, text }) => [rule, verdict, text]),
    [
      ['header', 'next', 'header x-canary=maybe is neither "always" nor "never"'],
      ['cookie', 'opt-out', 'cookie c=never: never this upstream'],
      ['weight', 'next', 'weight 5 of 100, which stays with the main traffic'],
    ],
  );
});

test('a main without endpoints is marked, so that 503 can be told', () => {
  const { shares, steps } = explainSplit(
    split({ weight: 100 }),
    request(() => null),
    (id) => id !== 'main',
  );
  assert.equal(shares[0]?.hasEndpoints, false);
  assert.match(steps[0]?.text ?? '', /503/);
});

test('a bucket says on which side the user stands, for certain', () => {
  const buckets = { by: { kind: 'header', name: 'x-user' }, seed: 's' } as const;
  const divided = { ...split({ weight: 10 }, { upstream: 'b', weight: 20 }), buckets };
  const asks = request((name) => (name === 'x-user' ? 'alice' : null));
  const { steps, shares, bucket } = explainSplit(divided, asks, () => true);
  assert.deepEqual(percents(shares), { b: 100 });
  assert.equal(bucket, 383_740_862);
  assert.deepEqual(
    steps.map(({ rule, text }) => `${rule}: ${text}`),
    [
      'bucket: header:x-user with seed "s" is bucket 383740862 of 2147483648, at 17.87 %',
      'weight: weight 10 of 100: the bucket is not within 0 % to 10 %',
      'weight: weight 20 of 100: the bucket is within 10 % to 30 %',
    ],
  );
  const unnamed = explainSplit(
    divided,
    request(() => null),
    () => true,
  );
  assert.equal(unnamed.bucket, null);
  assert.deepEqual(percents(unnamed.shares), { main: 70, next: 10, b: 20 });
  assert.match(unnamed.steps[0]?.text ?? '', /^the request has no header:x-user, so chance decides/);
});

test('a match is explained by the facts that decide', () => {
  const team = { kind: 'value', of: 'header', name: 'x-team', test: 'exact', value: 'blue' } as const;
  const inside = { kind: 'source', networks: ['192.0.2.0/24'] } as const;
  const match = { kind: 'and', terms: [team, { kind: 'not', term: inside }] } as const;
  const explain = (value: string | null) =>
    explainSplit(
      split({ match }),
      request(() => value),
      () => true,
    ).steps.map(({ text }) => text);
  assert.deepEqual(explain(null), ['match does not hold: header x-team is absent']);
  assert.deepEqual(explain('red'), ['match does not hold: header x-team=red not equal to "blue"']);
  assert.deepEqual(explain('blue'), ['match does not hold: client 192.0.2.1 is in 192.0.2.0/24']);
});

test('a gate that stays shut, and a stand-in, say so', () => {
  const gate = { kind: 'method', methods: ['POST'] } as const;
  const shut = explainSplit(
    split({ gate, weight: 50 }),
    request(() => null),
    () => true,
  );
  assert.deepEqual(percents(shut.shares), { main: 100 });
  assert.equal(shut.steps[0]?.text, 'method GET is not POST, so it takes nothing');
  const standing = explainSplit(
    split({ standsIn: true }),
    request(() => null),
    (id) => id !== 'main',
  );
  assert.deepEqual(percents(standing.shares), { next: 100 });
  assert.equal(standing.steps[0]?.text, 'no endpoints, so next stands in for it');
});

test('rules that come first decide about clients with a session, weights do not', () => {
  const canary = { header: word, rulesFirst: true, weight: 100 } as const;
  const says = (value: string | null, belongsTo: string) => {
    const { shares } = explainSplit(
      split(canary),
      request(() => value),
      () => true,
      belongsTo,
    );
    return percents(shares);
  };
  assert.deepEqual(says('always', 'main'), { next: 100 });
  assert.deepEqual(says('never', 'next'), { main: 100 });
  assert.deepEqual(says(null, 'main'), { main: 100 });
  assert.deepEqual(says(null, 'next'), { next: 100 });
});

const twoSteps: Partial<ReleaseConfig> = {
  steps: [
    { percent: 5, holdMs: 600_000 },
    { percent: 12.345, holdMs: 0 },
  ],
};

function state(phase: ReleasePhase, step: number, reason = ''): ReleaseState {
  return releaseState({ phase, step, reason });
}

const releases: readonly (readonly [name: string, parts: Partial<ReleaseConfig>, texts: readonly string[]])[] = [
  ['not begun', {}, ['release shop/canary: not begun, so it has no share; plan: 5%/10m, 12.345%']],
  [
    'that was another one before',
    { state: { ...state('aborted', 1), revision: 'a0' } },
    [
      'release shop/canary: not begun (what is stored is of another plan or name), so it has no share; plan: 5%/10m, 12.345%',
    ],
  ],
  [
    'in a step',
    { state: state('running', 1), expiresAfterMs: 72 * 3_600_000 },
    [
      'release shop/canary: running in step 2 of 2, 12.345 %, expires 3d after its beginning; plan: 5%/10m, 12.345%',
      '12.345 % by its plan: takes 12.35 % of such requests',
    ],
  ],
  [
    'that is asked to wait',
    { state: state('paused', 0), command: { kind: 'pause' } },
    [
      'release shop/canary: paused in step 1 of 2, 5 %; command: pause; plan: 5%/10m, 12.345%',
      '5 % by its plan: takes 5 % of such requests',
    ],
  ],
  [
    'that was aborted',
    { state: state('aborted', 0, 'errors: 3.1 %') },
    [
      'release shop/canary: aborted in step 1 of 2 (errors: 3.1 %), so it has no share and keeps no sessions; its rules still count; plan: 5%/10m, 12.345%',
    ],
  ],
  [
    'that expired',
    { state: state('expired', 1) },
    ['release shop/canary: expired in step 2 of 2, so it takes nothing, also not by its rules; plan: 5%/10m, 12.345%'],
  ],
  [
    'without a plan',
    { steps: [], state: state('running', 0), expiresAfterMs: 60_000 },
    [
      'release shop/canary: running, so its weight counts, expires 1m after its beginning',
      'weight 7 of 100: takes 7 % of such requests',
    ],
  ],
];

for (const [name, parts, texts] of releases) {
  test(`a release ${name} is explained`, () => {
    const canary = { header: null, cookie: null, weight: 7, weightTotal: 100, sticky: true };
    const explained = explainSplit(
      split(applyRelease(canary, release({ ...twoSteps, ...parts }))),
      request(() => null),
      () => true,
    );
    assert.deepEqual(
      explained.steps.map(({ text }) => text),
      texts,
    );
  });
}
