/** The rules of matching as tables: which host's rules count, which path wins, when conditions pass a request on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PathMatch, RouteConditions } from '../../src/model/proxy-config.ts';
import { buildRouteTable, type RouteRule } from '../../src/router/build-route-table.ts';
import { type FactsInput, requestFacts } from '../support/request-facts.ts';

const KINDS: Readonly<Record<string, PathMatch['kind']>> = { '=': 'exact', '^': 'prefix', '~': 'regex' };

/** `=/foo` exact, `^/foo` prefix, `~/foo.*` regex. The payload is the host and path as written here. */
function rule(host: string, path: string, when: Partial<RouteConditions> | null = null): RouteRule<string> {
  const kind = KINDS[path.charAt(0)] ?? assert.fail(`${path} does not start with one of = ^ ~`);
  const conditions = when === null ? null : { method: null, headers: [], query: [], ...when };
  const note = when === null ? '' : ` when ${JSON.stringify(when)}`;
  return { host, path: { kind, value: path.slice(1) }, conditions, payload: `${host}${path}${note}` };
}

function match(
  rules: readonly RouteRule<string>[],
  host: string,
  target: string,
  facts: FactsInput = {},
): string | null {
  const pathEnd = target.indexOf('?') === -1 ? target.length : target.indexOf('?');
  return buildRouteTable(rules).match(host, target, pathEnd, requestFacts(facts));
}

interface PathCase {
  readonly name: string;
  readonly paths: readonly string[];
  /** Request target to the path that must win; null = none. */
  readonly expected: Readonly<Record<string, string | null>>;
}

const pathCases: readonly PathCase[] = [
  {
    name: 'an exact path matches itself only',
    paths: ['=/foo'],
    expected: { '/foo': '=/foo', '/foo/': null, '/foo/bar': null, '/fo': null, '/fooo': null, '/': null },
  },
  {
    name: 'an exact path with a slash at its end does not match without it',
    paths: ['=/foo/'],
    expected: { '/foo/': '=/foo/', '/foo': null },
  },
  {
    name: 'a prefix matches whole elements: /foo takes /foo/bar but not /foobar',
    paths: ['^/foo'],
    expected: { '/foo': '^/foo', '/foo/': '^/foo', '/foo/bar': '^/foo', '/foobar': null, '/fo': null },
  },
  {
    name: 'a prefix with a slash at its end also takes the path without it',
    paths: ['^/foo/'],
    expected: { '/foo': '^/foo/', '/foo/': '^/foo/', '/foo/bar': '^/foo/', '/foobar': null },
  },
  {
    name: 'of /foo and /foo/ the first takes the bare path and the second everything below',
    paths: ['^/foo/', '^/foo'],
    expected: { '/foo': '^/foo', '/foo/': '^/foo/', '/foo/bar': '^/foo/' },
  },
  {
    name: 'two slashes at the end are to one as one is to none',
    paths: ['^/foo//', '^/foo/', '^/foo'],
    expected: { '/foo': '^/foo', '/foo/': '^/foo/', '/foo//': '^/foo//', '/foo//x': '^/foo//', '/foo/x': '^/foo/' },
  },
  {
    name: 'the bare path goes to exact /foo before the prefixes /foo and /foo/',
    paths: ['^/foo', '^/foo/', '=/foo'],
    expected: { '/foo': '=/foo', '/foo/': '^/foo/' },
  },
  {
    name: 'the prefix / takes everything, also the asterisk form',
    paths: ['^/'],
    expected: { '/': '^/', '/foo': '^/', '/foo/bar?x=/': '^/', '*': '^/', '//': '^/' },
  },
  {
    name: 'the asterisk form is matched by no other prefix',
    paths: ['^/foo', '=/*'],
    expected: { '*': null },
  },
  {
    name: 'the longest prefix wins whatever the order of the rules',
    paths: ['^/a/b', '^/', '^/a/b/c', '^/a'],
    expected: { '/a/b/c/d': '^/a/b/c', '/a/b/cd': '^/a/b', '/a/bc': '^/a', '/ab': '^/' },
  },
  {
    name: 'exact wins over regex, and regex over prefix',
    paths: ['^/foo', '~/foo.*', '=/foo'],
    expected: { '/foo': '=/foo', '/foo/bar': '~/foo.*', '/foobar': '~/foo.*' },
  },
  {
    name: 'a regex must match the whole path',
    paths: ['~/fo+', '~/a|/ab'],
    expected: { '/foo': '~/fo+', '/foo/bar': null, '/x/foo': null, '/ab': '~/a|/ab', '/a': '~/a|/ab' },
  },
  {
    name: 'of several regexes the one with the longer source wins, then the one given first',
    paths: ['~/.*', '~/[a-z]+/.*', '~/a/[0-9]+', '~/a/[1-9]+'],
    expected: { '/a/7': '~/[a-z]+/.*', '/7': '~/.*' },
  },
  {
    name: 'of two regexes with sources of the same length the one given first wins',
    paths: ['~/a/[0-9]+', '~/a/[1-9]+'],
    expected: { '/a/7': '~/a/[0-9]+' },
  },
  {
    name: 'regexes that start alike keep their order whatever they literally start with',
    paths: ['~/shop/cart/.*', '~/sh................', '~/shop.*'],
    expected: {
      '/shop/cart/aaaaaaaa': '~/sh................',
      '/shop/cart/a': '~/shop/cart/.*',
      '/shop/x': '~/shop.*',
    },
  },
  {
    name: 'a regex that does not match leaves the path to one with a shorter start',
    paths: ['~/a.*', '~/a/b1[0-9]', '~/a/b2[0-9]'],
    expected: { '/a/b17': '~/a/b1[0-9]', '/a/b1x': '~/a.*', '/a/b3': '~/a.*' },
  },
  {
    name: 'a regex may ignore case, anchors are redundant, and alternatives at the top have no common start',
    paths: ['~(?i)/Shop/[a-z]+', '~^/only$', '~/one|/two'],
    expected: {
      '/SHOP/Cart': '~(?i)/Shop/[a-z]+',
      '/only': '~^/only$',
      '/onlyx': null,
      '/one': '~/one|/two',
      '/two': '~/one|/two',
      '/shop/1': null,
    },
  },
  {
    name: 'case counts in exact and prefix paths',
    paths: ['=/Foo', '^/Bar'],
    expected: { '/foo': null, '/bar/x': null, '/Foo': '=/Foo' },
  },
  {
    name: 'the query is not part of the path',
    paths: ['=/foo', '^/bar', '~/re/[a-z]+'],
    expected: { '/foo?x=1': '=/foo', '/bar?/x': '^/bar', '/ba?r': null, '/re/a?1': '~/re/[a-z]+', '/re/1?a': null },
  },
  {
    name: 'characters beyond ASCII are compared like any others',
    paths: ['=/café', '^/ü', '=/cafe'],
    expected: { '/café': '=/café', '/ü/x': '^/ü', '/cafè': null, '/cafe': '=/cafe' },
  },
];

for (const c of pathCases) {
  test(c.name, () => {
    const rules = c.paths.map((path) => rule('a.example', path));
    for (const [target, expected] of Object.entries(c.expected)) {
      assert.equal(match(rules, 'a.example', target), expected === null ? null : `a.example${expected}`, target);
    }
  });
}

interface HostCase {
  readonly name: string;
  readonly hosts: readonly string[];
  /** Host of the request to the host whose rules must be consulted; null = none. */
  readonly expected: Readonly<Record<string, string | null>>;
}

const hostCases: readonly HostCase[] = [
  {
    name: 'a host is served by its own rules, every other by the rules for any host',
    hosts: ['a.example', ''],
    expected: { 'a.example': 'a.example', 'b.example': '', '': '', '[::1]': '', '127.0.0.1': '' },
  },
  {
    name: 'without rules for any host an unknown one is not served',
    hosts: ['a.example'],
    expected: { b: null, '': null },
  },
  {
    name: 'a wildcard stands for exactly one label',
    hosts: ['*.example.com'],
    expected: {
      'a.example.com': '*.example.com',
      'a_b-9.example.com': '*.example.com',
      'a.b.example.com': null,
      'example.com': null,
      '.example.com': null,
      'aexample.com': null,
      'a.example.comx': null,
      'a.example.co': null,
    },
  },
  {
    name: 'a wildcard stands for letters, digits, underscore and hyphen only',
    hosts: ['*.example.com', ''],
    expected: {
      '*.example.com': '',
      'a+b.example.com': '',
      'ä.example.com': '',
      '@.example.com': '',
      '{.example.com': '',
    },
  },
  {
    name: 'the host itself goes before a wildcard, and a wildcard before any host',
    hosts: ['', '*.example.com', 'a.example.com', '*.com'],
    expected: {
      'a.example.com': 'a.example.com',
      'b.example.com': '*.example.com',
      'example.com': '*.com',
      'example.org': '',
    },
  },
];

for (const c of hostCases) {
  test(c.name, () => {
    const rules = c.hosts.map((host) => rule(host, '^/'));
    const table = buildRouteTable(rules);
    for (const [host, expected] of Object.entries(c.expected)) {
      assert.equal(match(rules, host, '/x'), expected === null ? null : `${expected}^/`, host);
      assert.equal(table.hostFor(host), expected, host);
    }
  });
}

test('a host that has rules does not fall through to another host when no path matches', () => {
  const rules = [rule('a.example.com', '=/a'), rule('*.example.com', '=/b'), rule('', '^/')];
  assert.equal(match(rules, 'a.example.com', '/b'), null);
  assert.equal(match(rules, 'a.example.com', '/c'), null);
  assert.equal(match(rules, 'x.example.com', '/a'), null);
  assert.equal(match(rules, 'x.example.org', '/a'), '^/');
  assert.equal(buildRouteTable(rules).hostFor('a.example.com'), 'a.example.com');
});

test('a table without rules serves nothing', () => {
  assert.equal(match([], 'a.example', '/'), null);
  assert.equal(buildRouteTable([]).hostFor('a.example'), null);
});

const canary: Partial<RouteConditions> = { headers: [{ name: 'x-canary', kind: 'exact', value: 'always' }] };

interface ConditionCase {
  readonly name: string;
  readonly when: Partial<RouteConditions>;
  readonly holds: readonly FactsInput[];
  readonly fails: readonly FactsInput[];
}

const conditionCases: readonly ConditionCase[] = [
  { name: 'no demands always hold', when: {}, holds: [{}], fails: [] },
  {
    name: 'a method is compared as written',
    when: { method: 'POST' },
    holds: [{ method: 'POST' }],
    fails: [{}, { method: 'post' }],
  },
  {
    name: 'a header must be present and equal',
    when: canary,
    holds: [{ headers: { 'x-canary': 'always' } }],
    fails: [
      {},
      { headers: { 'x-canary': 'Always' } },
      { headers: { 'x-canary': '' } },
      { query: { 'x-canary': 'always' } },
    ],
  },
  {
    name: 'a header of any value must be present',
    when: { headers: [{ name: 'a', kind: 'present', value: '' }] },
    holds: [{ headers: { a: '' } }, { headers: { a: '1' } }],
    fails: [{}],
  },
  {
    name: 'an exact empty value is not the same as an absent one',
    when: { headers: [{ name: 'a', kind: 'exact', value: '' }] },
    holds: [{ headers: { a: '' } }],
    fails: [{}, { headers: { a: '1' } }],
  },
  {
    name: 'a pattern must match the whole value',
    when: { query: [{ name: 'v', kind: 'regex', value: 'v[0-9]+' }] },
    holds: [{ query: { v: 'v12' } }],
    fails: [{}, { query: { v: 'v12x' } }, { query: { v: 'xv12' } }],
  },
  {
    name: 'all demands must hold',
    when: {
      method: 'GET',
      headers: [
        { name: 'a', kind: 'exact', value: '1' },
        { name: 'b', kind: 'present', value: '' },
      ],
      query: [{ name: 'q', kind: 'exact', value: '2' }],
    },
    holds: [{ headers: { a: '1', b: '' }, query: { q: '2' } }],
    fails: [
      { headers: { a: '1', b: '' } },
      { headers: { a: '1' }, query: { q: '2' } },
      { headers: { b: '' }, query: { q: '2' } },
      { method: 'PUT', headers: { a: '1', b: '' }, query: { q: '2' } },
    ],
  },
];

for (const c of conditionCases) {
  test(`conditions: ${c.name}`, () => {
    const only = rule('', '^/', c.when);
    for (const facts of c.holds) assert.equal(match([only], '', '/', facts), only.payload, JSON.stringify(facts));
    for (const facts of c.fails) assert.equal(match([only], '', '/', facts), null, JSON.stringify(facts));
  });
}

test('rules of one place are tried in the order given, and one without conditions ends the search', () => {
  const conditional = rule('', '^/a', canary);
  const plain = rule('', '^/a');
  const asked: FactsInput = { headers: { 'x-canary': 'always' } };
  assert.equal(match([conditional, plain], '', '/a', asked), conditional.payload);
  assert.equal(match([conditional, plain], '', '/a'), plain.payload);
  assert.equal(match([plain, conditional], '', '/a', asked), plain.payload);
});

test('when the conditions of a place fail the next best place is tried, down to the shortest prefix', () => {
  const places = ['=/a/b', '~/a/.*', '^/a/b', '^/a/b/', '^/a', '^/'];
  for (let tried = 0; tried < places.length; tried++) {
    const rules = places.map((path, i) => rule('h', path, i < tried ? canary : null));
    assert.equal(match(rules, 'h', '/a/b'), `h${places[tried]}`);
  }
  assert.equal(
    match(
      places.map((path) => rule('h', path, canary)),
      'h',
      '/a/b',
    ),
    null,
  );
});

test('a failed prefix passes a request on only to prefixes that end where an element ends', () => {
  const rules = [rule('h', '^/ab/c', canary), rule('h', '^/a'), rule('h', '^/ab/'), rule('h', '=/ab')];
  assert.equal(match(rules, 'h', '/ab/c/d'), 'h^/ab/');
  assert.equal(match([rules[0] ?? assert.fail(), rule('h', '^/a')], 'h', '/ab/c/d'), null);
});

test('a failed prefix passes a request on past an exact path on its way', () => {
  const rules = [rule('h', '^/a/b', canary), rule('h', '=/a'), rule('h', '^/')];
  assert.equal(match(rules, 'h', '/a/b/c'), 'h^/');
});

test('a regex whose conditions fail passes a request on to the next regex', () => {
  const rules = [rule('h', '~/a/[a-z]+', canary), rule('h', '~/a/[a-z]+', { method: 'PUT' }), rule('h', '~/[a-z/]+')];
  assert.equal(match(rules, 'h', '/a/b'), 'h~/[a-z/]+');
  assert.equal(match(rules, 'h', '/a/b', { method: 'PUT' }), rules[1]?.payload);
});

test('a rule with a broken pattern is left out, and its host stays served', () => {
  const broken: Partial<RouteConditions> = { headers: [{ name: 'a', kind: 'regex', value: '(' }] };
  const brokenQuery: Partial<RouteConditions> = { query: [{ name: 'a', kind: 'regex', value: '[' }] };
  const rules = [rule('h', '~/a('), rule('h', '^/b', broken), rule('h', '^/b', brokenQuery), rule('', '^/')];
  assert.equal(match(rules, 'h', '/a('), null);
  assert.equal(match(rules, 'h', '/b', { headers: { a: '(' }, query: { a: '[' } }), null);
  assert.equal(match([...rules, rule('h', '~/a.*')], 'h', '/ab'), 'h~/a.*');
});

test('a thousand prefixes inside one another are no burden on the stack, and all of them are tried', () => {
  const deep = '/x'.repeat(1_000);
  const nested = Array.from({ length: 1_000 }, (_, i) => rule('h', `^${deep.slice(0, 2 * (i + 1))}`, canary));
  assert.equal(match([...nested, rule('h', '^/')], 'h', `${deep}/y`), 'h^/');
  assert.equal(match([...nested, rule('h', '^/x/x')], 'h', `${deep}y`), 'h^/x/x');
});

test('what follows the end of the path is never looked at', () => {
  const table = buildRouteTable([rule('h', '=/foo'), rule('h', '^/foo/bar'), rule('h', '~/f(oo)?/bar')]);
  assert.equal(table.match('h', '/foo/bar', 4, requestFacts()), 'h=/foo');
  assert.equal(table.match('h', '/foo/bar', 6, requestFacts()), null);
  assert.equal(table.match('h', '/foo/bar/x', 6, requestFacts()), null);
  assert.equal(table.match('h', '/foo/bar/x', 8, requestFacts()), 'h~/f(oo)?/bar');
});
