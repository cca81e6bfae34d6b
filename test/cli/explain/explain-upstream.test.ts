/** What an explanation says of the upstream that takes a request: only what is set, and never a secret. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Explanation, explainRequest } from '../../../src/cli/explain/explain-request.ts';
import { formatExplanation } from '../../../src/cli/explain/format-explanation.ts';
import { DEFAULT_COOKIE_AFFINITY } from '../../../src/model/affinity.ts';
import { DEFAULT_HEALTH_CHECK } from '../../../src/model/health-check.ts';
import type { UpstreamConfig } from '../../../src/model/proxy-config.ts';
import { DEFAULT_ROUTE_POLICY, type RoutePolicy } from '../../../src/model/route-policy.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../../src/model/upstream-policy.ts';
import { proxyConfig, routeConfig, upstreamConfig, upstreamTls } from '../../support/proxy-config.ts';

interface Ask {
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly policy?: Partial<RoutePolicy>;
  readonly others?: readonly UpstreamConfig[];
}

function explain(part: Partial<UpstreamConfig>, { url = 'http://a/', headers = {}, policy, others = [] }: Ask = {}) {
  const upstreams = [{ ...upstreamConfig('main', '10.0.0.1:80'), ...part }, ...others];
  const routes = [routeConfig('r', 'main', { policy: { ...DEFAULT_ROUTE_POLICY, ...policy } })];
  const lines = Object.entries(headers).map(([name, value]) => ({ name, value }));
  const request = { method: 'GET', url, headers: lines, clientIp: '192.0.2.1' };
  return explainRequest(proxyConfig({ generation: 1, upstreams, routes }), request);
}

/** The lines from the upstream to the policy. */
function upstreamText(explanation: Explanation): string {
  return formatExplanation(explanation).match(/^upstream[^]*(?=^policy)/m)?.[0] ?? '';
}

const byKey = (keyTemplate: string): Partial<UpstreamConfig> => ({
  balancer: 'ring-hash',
  hashing: { keyTemplate, subsetSize: 0, boundPercent: 0 },
});

test('what is not set is not told', () => {
  const explanation = explain({});
  assert.deepEqual(explanation.upstreams, [
    {
      id: 'main',
      balancer: 'round-robin',
      backend: null,
      endpoints: [{ address: '10.0.0.1', port: 80, weight: 1 }],
    },
  ]);
  assert.equal(upstreamText(explanation), 'upstream  main, round-robin\n            10.0.0.1:80, weight 1\n');
});

test('everything that is set is told, in text and JSON', () => {
  const explanation = explain(
    {
      balancer: 'ring-hash',
      hashing: { keyTemplate: '$http_x_user-$arg_id', subsetSize: 3, boundPercent: 125 },
      limits: { ...DEFAULT_UPSTREAM_POLICY.limits, maxConnections: 10, maxRequestsPerEndpoint: 4, maxPending: 7 },
      retryBudget: { percent: 10, perSecond: 5 },
      backup: 'spare',
      healthCheck: { ...DEFAULT_HEALTH_CHECK, path: '/ready', intervalMs: 2_000 },
    },
    {
      url: 'http://a/?id=7',
      headers: { 'X-User': 'ann' },
      others: [upstreamConfig('spare', '10.0.0.8:80', '10.0.0.9:80')],
    },
  );
  assert.deepEqual(
    explanation.upstreams.map((upstream) => ({ ...upstream, endpoints: upstream.endpoints.length })),
    [
      {
        id: 'main',
        balancer: 'ring-hash',
        backend: null,
        hashKey: { template: '$http_x_user-$arg_id', value: 'ann-7', subsetSize: 3, boundPercent: 125 },
        limits: { maxConnections: 10, maxRequestsPerEndpoint: 4, maxPending: 7, pendingTimeoutMs: 5_000 },
        retryBudget: { percent: 10, perSecond: 5 },
        backup: { upstream: 'spare', endpoints: 2, takesOver: false },
        healthCheck: { kind: 'http', method: 'GET', path: '/ready', service: '', intervalMs: 2_000 },
        endpoints: 1,
      },
    ],
  );
  assert.equal(
    upstreamText(explanation),
    `upstream  main, ring-hash
            hash key $http_x_user-$arg_id = "ann-7", subsets of 3 endpoints, bound 125 %
            limits: 10 connections, 4 requests an endpoint; 7 wait for at most 5000 ms
            retry budget 10 % of the requests, or 5 a second
            backup spare, 2 endpoints
            health check http GET /ready every 2000 ms
            10.0.0.1:80, weight 1
`,
  );
});

const keyCases: readonly (readonly [string, string | null])[] = [
  ['$remote_addr', '192.0.2.1'],
  ['$request_uri', '/x%20y?q=1'],
  ['$uri', '/x y'],
  ['$host:$server_port', 'a:8080'],
  ['$http_host', 'a:8080'],
  ['$scheme-$request_method', 'http-GET'],
  ['$cookie_session', 'c1'],
  ['$http_x_none', ''],
  ['$remote_addr-$request_id', null],
  ['$remote_port', null],
  ['$nothing', null],
];

for (const [template, value] of keyCases) {
  test(`the hash key ${template} is what the data plane makes of it`, () => {
    const ask = { url: 'http://A:8080/z/../x y?q=1', headers: { Cookie: 'session=c1' } };
    const { upstreams } = explain(byKey(template), ask);
    assert.equal(upstreams[0]?.hashKey?.value, value);
  });
}

test('a key that no command line can know says so, and an empty one is seen', () => {
  assert.match(
    upstreamText(explain(byKey('$request_id'))),
    /hash key \$request_id, another for each request or unknown/,
  );
  assert.match(upstreamText(explain(byKey('$http_x_none'))), /hash key \$http_x_none = ""\n/);
});

const textOfCheck = (kind: 'tcp' | 'grpc', service: string): string =>
  upstreamText(explain({ healthCheck: { ...DEFAULT_HEALTH_CHECK, kind, service, intervalMs: 1_000 } }));

test('kinds of health checks', () => {
  assert.match(textOfCheck('tcp', ''), /health check tcp every 1000 ms/);
  assert.match(textOfCheck('grpc', ''), /health check grpc every 1000 ms/);
  assert.match(textOfCheck('grpc', 'shop.Cart'), /health check grpc shop\.Cart every 1000 ms/);
});

test('where a line does not exist, what would hold for it is not told', () => {
  const limits = { ...DEFAULT_UPSTREAM_POLICY.limits, maxPending: 7 };
  assert.equal(explain({ limits }).upstreams[0]?.limits, undefined);
  const noLine = { ...limits, maxRequests: 1, maxPending: 0 };
  assert.match(upstreamText(explain({ limits: noLine })), /limits: 1 request; none waits\n/);
});

test('a backup takes over where there is no endpoint, and 503 is the answer only without it', () => {
  const spare = upstreamConfig('spare', '10.0.0.9:80');
  const explanation = explain({ endpoints: [], backup: 'spare' }, { others: [spare] });
  assert.equal(explanation.answer, null);
  assert.equal(explanation.upstreams[0]?.backup?.takesOver, true);
  const text = formatExplanation(explanation);
  assert.match(text, /-> main: 100 %, no endpoints: its backup takes over/);
  assert.match(text, /backup spare, 1 endpoint, takes over now\n/);
  const empty = explain({ endpoints: [], backup: 'spare' }, { others: [{ ...spare, endpoints: [] }] });
  assert.deepEqual([empty.answer?.status, empty.upstreams[0]?.backup?.takesOver], [503, false]);
});

test('a backup takes over where no endpoint is healthy', () => {
  const sick = [{ address: '10.0.0.1', port: 80, weight: 1, healthy: false, reason: 'status 500' }];
  const spare = upstreamConfig('spare', '10.0.0.9:80');
  const { upstreams } = explain({ endpoints: sick, backup: 'spare' }, { others: [spare] });
  assert.equal(upstreams[0]?.backup?.takesOver, true);
  const both = explain({ endpoints: sick, backup: 'spare' }, { others: [{ ...spare, endpoints: sick }] });
  assert.equal(both.upstreams[0]?.backup?.takesOver, false);
});

const textOfSession = (changeOnFailure: boolean): string =>
  formatExplanation(explain({}, { policy: { affinity: { ...DEFAULT_COOKIE_AFFINITY, changeOnFailure } } }));

test('session affinity names its mode and what failure does', () => {
  assert.match(textOfSession(false), /session {3}cookie INGRESSCOOKIE, balanced\n/);
  assert.match(textOfSession(true), /session {3}cookie INGRESSCOOKIE, balanced, another endpoint on failure\n/);
});

test('no key material and no credentials of health checks get out', () => {
  const pair = { certPem: 'CERT', keyPem: 'PRIVATE', fingerprint: '', dnsNames: [], notAfter: 0 };
  const check = { ...DEFAULT_HEALTH_CHECK, headers: [{ name: 'authorization', value: 'PRIVATE' }] };
  const explanation = explain({ tls: upstreamTls('CA', { clientCertificate: pair }), healthCheck: check });
  assert.doesNotMatch(JSON.stringify(explanation), /PRIVATE/);
});
