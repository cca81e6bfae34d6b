/** Why a route takes a request, and the others do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ExplainedConfig,
  type ExplainedUpstream,
  type Explanation,
  explainRequest,
} from '../../../src/cli/explain/explain-request.ts';
import { formatExplanation } from '../../../src/cli/explain/format-explanation.ts';
import type { PathMatch, RouteConfig } from '../../../src/model/proxy-config.ts';
import { DEFAULT_ROUTE_POLICY } from '../../../src/model/route-policy.ts';

const SOURCE = { kind: 'Ingress', namespace: 'shop', name: 'web' };
const CANARY_SOURCE = { kind: 'Ingress', namespace: 'shop', name: 'web-canary' };

function route(id: string, host: string, path: PathMatch, parts: Partial<RouteConfig> = {}): RouteConfig {
  return {
    id,
    host,
    path,
    conditions: null,
    listeners: null,
    filters: [],
    split: { members: [{ upstream: 'shop/web/80', weight: 1, filters: [] }], canaries: [] },
    policy: DEFAULT_ROUTE_POLICY,
    source: SOURCE,
    sourceField: `spec.${id}`,
    location: null,
    ...parts,
  };
}

const prefix = (value: string): PathMatch => ({ kind: 'prefix', value });
const exact = (value: string): PathMatch => ({ kind: 'exact', value });
const regex = (value: string): PathMatch => ({ kind: 'regex', value });

const WEB: ExplainedUpstream = {
  id: 'shop/web/80',
  balancer: 'round-robin',
  backend: { namespace: 'shop', service: 'web', port: 80 },
  endpoints: [{ address: '10.0.0.1', port: 8080, weight: 1 }],
};

function config(routes: readonly RouteConfig[], parts: Partial<ExplainedConfig> = {}): ExplainedConfig {
  const listener = { address: '0.0.0.0', port: 0, advertisedPort: 0 };
  return {
    listeners: [
      { ...listener, name: 'http', protocol: 'http' },
      { ...listener, name: 'https', protocol: 'https' },
    ],
    routes,
    upstreams: [WEB],
    problems: [],
    ...parts,
  };
}

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function explain(of: ExplainedConfig, url: string, { method = 'GET', headers = {} }: Ask = {}): Explanation {
  const lines = Object.entries(headers).map(([name, value]) => ({ name, value }));
  return explainRequest(of, { method, url, headers: lines, clientIp: '192.0.2.1' });
}

/** Why each route did not take the request, by route id. */
function losers({ verdicts }: Explanation): Record<string, string> {
  return Object.fromEntries(verdicts.filter(({ matched }) => !matched).map((each) => [each.route.id, each.reason]));
}

test('the longest prefix wins, and the others say why they lose', () => {
  const explanation = explain(
    config([
      route('root', 'a.example', prefix('/')),
      route('cart', 'a.example', prefix('/cart')),
      route('pay', 'a.example', prefix('/pay')),
      route('exact', 'a.example', exact('/cart')),
    ]),
    'http://a.example/cart/1',
  );
  assert.equal(explanation.route?.id, 'cart');
  assert.deepEqual(losers(explanation), {
    root: 'a shorter prefix than /cart',
    pay: 'the path is neither /pay nor below it',
    exact: 'the path is not exactly /cart',
  });
  assert.equal(explanation.answer, null);
});

test('routes that fit are told before those that do not', () => {
  const routes = [
    route('other', 'a', prefix('/x')),
    route('root', 'a', prefix('/')),
    route('cart', 'a', prefix('/cart')),
  ];
  const { verdicts } = explain(config(routes), 'http://a/cart');
  assert.deepEqual(
    verdicts.map((verdict) => [verdict.route.id, verdict.matched, verdict.fits]),
    [
      ['cart', true, true],
      ['root', false, true],
      ['other', false, false],
    ],
  );
});

test('an exact path goes before a regular expression, and that before a prefix', () => {
  const all = [
    route('exact', 'a', exact('/foo')),
    route('long', 'a', regex('/fo+.*')),
    route('short', 'a', regex('/f.*')),
    route('prefix', 'a', prefix('/foo')),
    route('broken', 'a', regex('/(')),
  ];
  assert.deepEqual(losers(explain(config(all), 'http://a/foo')), {
    long: 'an exact path (/foo) goes before a regular expression',
    short: 'an exact path (/foo) goes before a regular expression',
    prefix: 'an exact path (/foo) goes before a prefix',
    broken: 'the pattern is not valid, so it never matches',
  });
  assert.deepEqual(losers(explain(config(all), 'http://a/foo/x')), {
    exact: 'the path is not exactly /foo',
    short: 'a shorter pattern than /fo+.*',
    prefix: 'a regular expression (/fo+.*) goes before a prefix',
    broken: 'the pattern is not valid, so it never matches',
  });
});

test('the prefixes /foo and /foo/ take turns', () => {
  const both = config([route('plain', 'a', prefix('/foo')), route('slash', 'a', prefix('/foo/'))]);
  assert.deepEqual(losers(explain(both, 'http://a/foo')), {
    slash: 'the path is exactly /foo, and there /foo goes before /foo/',
  });
  assert.deepEqual(losers(explain(both, 'http://a/foo/x')), { plain: 'a shorter prefix than /foo/' });
});

function conditions(parts: Partial<NonNullable<RouteConfig['conditions']>>): Partial<RouteConfig> {
  return { conditions: { method: null, headers: [], query: [], ...parts } };
}

test('conditions that fail are named', () => {
  const explanation = explain(
    config([
      route('method', 'a', prefix('/x'), conditions({ method: 'POST' })),
      route('header', 'a', prefix('/x'), conditions({ headers: [{ name: 'v', kind: 'exact', value: '2' }] })),
      route('absent', 'a', prefix('/x'), conditions({ headers: [{ name: 'w', kind: 'present', value: '' }] })),
      route('query', 'a', prefix('/x'), conditions({ query: [{ name: 'q', kind: 'regex', value: 'a+' }] })),
      route('takes', 'a', prefix('/')),
    ]),
    'http://a/x?q=b',
    { headers: { V: '1' } },
  );
  assert.equal(explanation.route?.id, 'takes');
  assert.deepEqual(losers(explanation), {
    method: 'the method is not POST',
    header: 'header v is not "2"',
    absent: 'header w is absent',
    query: 'query parameter q does not match a+',
  });
});

test('two routes for the same place: the first one takes the request', () => {
  const explanation = explain(config([route('one', 'a', prefix('/')), route('two', 'a', prefix('/'))]), 'http://a/');
  assert.deepEqual(losers(explanation), { two: 'the same path, and the route that took it goes first' });
});

interface HostCase {
  readonly name: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly matched: string | null;
  readonly reason: RegExp;
}

const hostCases: readonly HostCase[] = [
  { name: 'its own routes', url: 'http://A.Example:8080/', matched: 'a.example', reason: /routes of its own/ },
  { name: 'a wildcard', url: 'http://x.wild.example/', matched: '*.wild.example', reason: /covered by \*\.wild/ },
  { name: 'routes for any host', url: 'http://x.y.wild.example/', matched: '', reason: /any host/ },
  {
    name: 'the Host header instead of the URL',
    url: 'http://10.0.0.1/',
    headers: { host: 'a.example.' },
    matched: 'a.example',
    reason: /own/,
  },
];

for (const c of hostCases) {
  test(`a host is served by ${c.name}`, () => {
    const routes = ['', 'a.example', '*.wild.example'].map((host) => route(`r${host}`, host, prefix('/')));
    const { host, route: winner } = explain(config(routes), c.url, { headers: c.headers ?? {} });
    assert.equal(host.matched, c.matched);
    assert.match(host.reason, c.reason);
    assert.equal(winner?.host, c.matched);
  });
}

test('a host without a matching route does not fall through to any-host routes', () => {
  const routes = [route('own', 'a.example', exact('/only')), route('any', '', prefix('/'))];
  const explanation = explain(config(routes), 'http://a.example/else');
  assert.equal(explanation.route, null);
  assert.deepEqual(explanation.answer, { status: 404, reason: 'no route takes it' });
  assert.deepEqual(losers(explanation), { own: 'the path is not exactly /only' });
});

test('a host that nothing serves is said so', () => {
  const { host, answer } = explain(config([route('r', 'a.example', prefix('/'))]), 'http://b.example/');
  assert.equal(host.matched, null);
  assert.equal(answer?.status, 404);
});

test('paths are shown as typed and as matched', () => {
  const { request, route: winner } = explain(
    config([route('b', 'a', exact('/b~c'))]),
    'http://a/x/../b%7Ec?q=../y#frag',
  );
  assert.equal(request.path, '/x/../b%7Ec');
  assert.equal(request.normalisedPath, '/b~c');
  assert.equal(request.query, '?q=../y');
  assert.equal(winner?.id, 'b');
});

test('a path that leaves the root is refused with 400', () => {
  const { answer, route: winner } = explain(config([route('r', 'a', prefix('/'))]), 'http://a/../x');
  assert.equal(winner, null);
  assert.equal(answer?.status, 400);
});

test('a closed route answers by itself and asks no upstream', () => {
  const policy = { ...DEFAULT_ROUTE_POLICY, closed: { status: 503, reason: 'auth is not supported' } };
  const { answer, split } = explain(config([route('r', 'a', prefix('/'), { policy })]), 'http://a/');
  assert.deepEqual(answer, { status: 503, reason: 'the route is closed: auth is not supported' });
  assert.equal(split, null);
});

test('a missing slash is redirected for GET and not for POST', () => {
  const policy = { ...DEFAULT_ROUTE_POLICY, redirectMissingSlash: true };
  const slash = config([route('r', 'a', prefix('/foo/'), { policy })]);
  assert.deepEqual(explain(slash, 'http://a/foo?x=1').answer, { status: 301, reason: 'redirect to /foo/?x=1' });
  assert.equal(explain(slash, 'http://a/foo', { method: 'POST' }).answer, null);
  assert.equal(explain(slash, 'http://a/foo/x').answer, null);
});

test('an upstream without endpoints is answered 503', () => {
  const empty = config([route('r', 'a', prefix('/'))], { upstreams: [{ ...WEB, endpoints: [] }] });
  assert.deepEqual(explain(empty, 'http://a/').answer, { status: 503, reason: 'no endpoints' });
  const drained = { ...WEB, endpoints: [{ address: '10.0.0.1', port: 80, weight: 0 }] };
  assert.equal(
    explain(config([route('r', 'a', prefix('/'))], { upstreams: [drained] }), 'http://a/').answer?.status,
    503,
  );
});

test('a route that is not on a listener of the scheme is not considered', () => {
  const only = config([route('r', 'a', prefix('/'), { listeners: ['https'] }), route('s', 'a', exact('/s'))]);
  const explanation = explain(only, 'http://a/');
  assert.equal(explanation.route, null);
  assert.equal(losers(explanation)['r'], 'not served on a listener of this kind');
  assert.equal(explain(only, 'https://a/').route?.id, 'r');
});

const canaryConfig = config(
  [
    route('r', 'a', prefix('/'), {
      location: { file: 'k8s/web.yaml', line: 12, column: 9 },
      split: {
        members: [{ upstream: 'shop/web/80', weight: 1, filters: [] }],
        canaries: [
          {
            upstream: 'shop/next/80',
            header: { name: 'x-canary', kind: 'exact', value: 'always' },
            cookie: null,
            weight: 5,
            weightTotal: 100,
            sticky: true,
            source: CANARY_SOURCE,
            sourceField: 'metadata.annotations',
          },
        ],
      },
    }),
    route('s', 'a', exact('/s')),
  ],
  {
    upstreams: [
      WEB,
      {
        id: 'shop/next/80',
        balancer: 'round-robin',
        backend: null,
        endpoints: [{ address: '::1', port: 80, weight: 1, healthy: false, reason: 'status 500' }],
      },
      { id: 'shop/unrelated/80', balancer: 'round-robin', backend: null, endpoints: [] },
    ],
    problems: [
      {
        code: 'canary-invalid',
        severity: 'warning',
        source: CANARY_SOURCE,
        field: 'f',
        message: 'odd',
        location: null,
      },
      {
        code: 'path-invalid',
        severity: 'rejected',
        source: { ...SOURCE, name: 'else' },
        field: '',
        message: 'no',
        location: null,
      },
    ],
  },
);

test('upstreams and problems are those of the route and its canaries', () => {
  const explanation = explain(canaryConfig, 'http://a/');
  assert.deepEqual(
    explanation.upstreams.map(({ id }) => id),
    ['shop/web/80', 'shop/next/80'],
  );
  assert.deepEqual(
    explanation.problems.map(({ code }) => code),
    ['canary-invalid'],
  );
});

test('the text tells host, path, route, split, endpoints, policy, problems and the other routes', () => {
  const text = formatExplanation(explain(canaryConfig, 'http://a/x', { headers: { 'X-Canary': 'always' } }));
  assert.equal(
    text,
    `GET http://a/x

host      a: has routes of its own; routes of other hosts are not consulted, even if none of these matches
path      /x
route     prefix /: the path lies below this prefix
          from Ingress shop/web, spec.r, k8s/web.yaml:12:9
split     1. shop/next/80: header x-canary=always matches "always" -> canary
          -> canary shop/next/80: 100 %
upstream  shop/web/80, round-robin
            10.0.0.1:8080, weight 1
upstream  shop/next/80, round-robin
            [::1]:80, weight 1, unhealthy: status 500
policy    connect 5000 ms, response 60000 ms, idle 60000 ms, attempts 3 on error timeout, request body any size
problems  warning canary-invalid: odd (Ingress shop/web-canary, f)
others    no match  exact /s (Ingress shop/web): the path is not exactly /s
`,
  );
});

test('the text of many routes shows the nearest and counts the rest', () => {
  const many = Array.from({ length: 30 }, (_, at) => route(`r${at}`, 'a', exact(`/${at}`)));
  const text = formatExplanation(explain(config(many), 'http://a/none'));
  assert.match(text, /answer {4}404: no route takes it/);
  assert.match(text, /and 10 more, see --output json/);
});

test('what a client sends cannot reach the terminal unescaped', () => {
  const text = formatExplanation(explain(canaryConfig, 'http://a/', { headers: { 'x-canary': '\u001b[31m' } }));
  assert.ok(text.includes('x-canary=\\x1b[31m'));
  assert.equal(text.includes('\u001b'), false);
});
