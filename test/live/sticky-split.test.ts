/** Who takes a request of a client that belongs to an upstream: that one, before any rule, as long as it has endpoints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Upstream } from '../../src/balancer/upstream.ts';
import { type LiveCanary, LiveSplit, SplitTarget } from '../../src/live/live-split.ts';
import { SplitStats } from '../../src/live/route-stats.ts';
import { StickyEndpoints } from '../../src/live/sticky-endpoints.ts';
import { requestFacts } from '../support/request-facts.ts';

const DRAW_LIMIT = 0x8000_0000;
const CLIENT = '192.0.2.1';

interface Side {
  readonly weight?: number;
  readonly empty?: boolean;
  readonly sticky?: boolean;
}

function target(id: string, { weight = 1, empty = false, sticky = true }: Side = {}): SplitTarget {
  const upstream = new Upstream(id, 'round-robin', 1);
  upstream.update(empty ? [] : [{ address: '10.0.0.1', port: 80, weight: 1 }], () => ({
    openCount: 0,
    idleCount: 0,
    close: () => undefined,
    retire: () => undefined,
  }));
  const binding = { hashKey: null, sticky: sticky ? new StickyEndpoints(upstream, id) : null };
  return new SplitTarget(upstream, new SplitStats(id, false), weight, binding);
}

function canary(to: SplitTarget, part: Partial<LiveCanary> = {}): LiveCanary {
  const noHeader = { headerName: '', headerKind: 'word', headerValue: '', headerPattern: null } as const;
  const plain = {
    cookie: '',
    match: null,
    gate: null,
    weight: 0,
    weightTotal: 100,
    rulesFirst: false,
    standsIn: false,
  };
  return { target: to, ...noHeader, ...plain, ...part };
}

function hashOf(id: string): string {
  return target(id).sticky?.hash ?? '';
}

interface Case {
  readonly name: string;
  readonly belongsTo: string;
  readonly main?: Side;
  readonly next?: Side;
  readonly rule?: Partial<LiveCanary>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly takes: string;
}

const byHeader: Partial<LiveCanary> = { headerName: 'x-canary' };
const always = { 'x-canary': 'always' };
const never = { 'x-canary': 'never' };

const first: Partial<LiveCanary> = { ...byHeader, rulesFirst: true };

const CASES: readonly Case[] = [
  { name: 'header-first: always beats main', belongsTo: hashOf('main'), rule: first, headers: always, takes: 'next' },
  { name: 'header-first: never beats canary', belongsTo: hashOf('next'), rule: first, headers: never, takes: 'main' },
  {
    name: 'header-first: the weight takes nobody from main',
    belongsTo: hashOf('main'),
    rule: { ...first, weight: 100 },
    takes: 'main',
  },
  {
    name: 'header-first: no weight brings a client of the canary back',
    belongsTo: hashOf('next'),
    rule: { ...first, weight: 0 },
    takes: 'next',
  },
  {
    name: 'header-first: cookies of the rule count as headers do',
    belongsTo: hashOf('main'),
    rule: { cookie: 'c', rulesFirst: true },
    headers: { cookie: 'c=always' },
    takes: 'next',
  },
  {
    name: 'header-first: so do matches',
    belongsTo: hashOf('main'),
    rule: { match: () => true, rulesFirst: true },
    takes: 'next',
  },
  {
    name: 'header-first: a canary without endpoints takes nobody',
    belongsTo: hashOf('main'),
    next: { empty: true },
    rule: first,
    headers: always,
    takes: 'main',
  },
  { name: 'nobody knows the client: the rules', belongsTo: '', rule: { weight: 100 }, takes: 'next' },
  { name: 'another upstream: the rules', belongsTo: hashOf('gone'), rule: { weight: 100 }, takes: 'next' },
  { name: 'main beats every weight', belongsTo: hashOf('main'), rule: { weight: 100 }, takes: 'main' },
  { name: 'main beats always', belongsTo: hashOf('main'), rule: byHeader, headers: always, takes: 'main' },
  { name: 'canary survives weight 0', belongsTo: hashOf('next'), rule: { weight: 0 }, takes: 'next' },
  { name: 'canary beats never', belongsTo: hashOf('next'), rule: byHeader, headers: never, takes: 'next' },
  { name: 'a canary without endpoints keeps nobody', belongsTo: hashOf('next'), next: { empty: true }, takes: 'main' },
  {
    name: 'without endpoints of main no canary is asked',
    belongsTo: hashOf('next'),
    main: { empty: true },
    takes: 'main',
  },
  {
    name: 'a canary that takes no part keeps nobody',
    belongsTo: hashOf('next'),
    next: { sticky: false },
    takes: 'main',
  },
  {
    name: 'beside a canary that takes no part, main keeps its clients all the same',
    belongsTo: hashOf('main'),
    next: { sticky: false },
    rule: byHeader,
    headers: always,
    takes: 'main',
  },
];

for (const { name, belongsTo, main, next, rule, headers = {}, takes } of CASES) {
  test(name, () => {
    const split = new LiveSplit([target('main', main)], [canary(target('next', next), rule)]);
    assert.equal(split.chooseFor(belongsTo, requestFacts({ headers }), CLIENT, DRAW_LIMIT - 1).upstream.id, takes);
  });
}

test('a session was given by weight once, so both sides of it can be compared; a client that refuses one cannot', () => {
  const cases: readonly (readonly [string, Partial<LiveCanary>, Readonly<Record<string, string>>, boolean])[] = [
    ['main', { weight: 5 }, {}, true],
    ['next', { weight: 5 }, {}, true],
    ['main', { ...first, weight: 5 }, {}, true],
    ['next', { ...first, weight: 5 }, {}, true],
    ['main', { ...first, weight: 5 }, always, false],
    ['main', { ...first, weight: 5 }, never, false],
    ['next', { ...first, weight: 5 }, never, false],
    // No rule is asked.
    ['main', { ...byHeader, weight: 5 }, never, true],
  ];
  for (const [id, rule, headers, comparable] of cases) {
    const split = new LiveSplit([target('main')], [canary(target('next'), rule)]);
    split.choose(requestFacts({ headers: never }), CLIENT, 0);
    split.chooseFor(hashOf(id), requestFacts({ headers }), CLIENT, 0);
    assert.equal(split.comparable, comparable, JSON.stringify([id, rule, headers]));
  }
});

test('for a client that belongs to nobody here, no rule comes before another', () => {
  const byCookie = canary(target('by-cookie'), { cookie: 'c', rulesFirst: true });
  const split = new LiveSplit([target('main')], [byCookie, canary(target('by-header'), byHeader)]);
  const facts = requestFacts({ headers: { ...always, cookie: 'c=always' } });
  assert.equal(split.chooseFor(hashOf('gone'), facts, CLIENT, 0).upstream.id, 'by-header');
});

test('of several members the client keeps its own, whatever the draw', () => {
  const split = new LiveSplit([target('a', { weight: 99 }), target('b', { weight: 1 })], []);
  for (const draw of [0, 50, DRAW_LIMIT - 1]) {
    assert.equal(split.chooseFor(hashOf('b'), requestFacts(), CLIENT, draw).upstream.id, 'b');
  }
});

test('a member without endpoints gives its clients to the draw', () => {
  const split = new LiveSplit([target('a'), target('b', { empty: true })], []);
  assert.equal(split.chooseFor(hashOf('b'), requestFacts(), CLIENT, 0).upstream.id, 'a');
});
