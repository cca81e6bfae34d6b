/** Where a session cookie leads, as `explain` tells it; the vectors are those of `test/live/sticky-endpoints.test.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ExplainedEndpoint,
  type ExplainedUpstream,
  type Explanation,
  explainRequest,
} from '../../../src/cli/explain/explain-request.ts';
import { formatExplanation } from '../../../src/cli/explain/format-explanation.ts';
import { type CookieAffinity, DEFAULT_COOKIE_AFFINITY } from '../../../src/model/affinity.ts';
import { DEFAULT_ROUTE_POLICY } from '../../../src/model/route-policy.ts';
import { canaryConfig, routeConfig } from '../../support/proxy-config.ts';
import { release } from '../../support/release.ts';

const MAIN = '6cde5721ec2c7e2bce07cff7d0e4ac37';
const CANARY = 'e482c7b8bf59ee2b66362270b4da4a46';
const PERSISTENT_B = 'e3420c7e8e6f123f9dd2657d35a37d78';

function pod(last: number, part: Partial<ExplainedEndpoint> = {}): ExplainedEndpoint {
  return { address: `10.0.0.${last}`, port: 8080, weight: 1, ...part };
}

interface Given {
  readonly mode?: CookieAffinity['mode'];
  readonly pods?: readonly ExplainedEndpoint[];
  readonly sticky?: boolean;
  readonly canaryWeight?: number;
  readonly aborted?: boolean;
}

function explain(cookie: string | null, given: Given = {}): Explanation {
  const {
    mode = 'balanced',
    pods = [pod(1), pod(2), pod(3)],
    sticky = true,
    canaryWeight = 0,
    aborted = false,
  } = given;
  const over = aborted ? { release: release({ command: { kind: 'abort' } }) } : {};
  const upstreams: readonly ExplainedUpstream[] = [
    {
      id: 'default/web/80',
      balancer: 'round-robin',
      backend: { namespace: 'default', service: 'web', port: 80 },
      endpoints: pods,
    },
    {
      id: 'default/web-canary/80',
      balancer: 'round-robin',
      backend: { namespace: 'default', service: 'web-canary', port: 80 },
      endpoints: [pod(9)],
    },
  ];
  const route = routeConfig('r', 'default/web/80', {
    split: {
      members: [{ upstream: 'default/web/80', weight: 1, filters: [] }],
      canaries: [canaryConfig('default/web-canary/80', { sticky, weight: canaryWeight, ...over })],
    },
    policy: { ...DEFAULT_ROUTE_POLICY, affinity: { ...DEFAULT_COOKIE_AFFINITY, mode } },
  });
  const headers = cookie === null ? [] : [{ name: 'Cookie', value: `a=1; INGRESSCOOKIE=${cookie}` }];
  const config = { listeners: [], routes: [route], upstreams, problems: [] };
  return explainRequest(config, { method: 'GET', url: 'http://a/', headers, clientIp: '192.0.2.1' });
}

const CASES: readonly (readonly [
  name: string,
  cookie: string | null,
  leads: Readonly<Record<string, string | null>>,
  given?: Given,
])[] = [
  ['no cookie: chosen anew', null, { 'default/web/80': null }],
  ['the key leads to an endpoint', `k1|${MAIN}`, { 'default/web/80': '10.0.0.2:8080' }],
  ['a key of the canary leads there', `k1|${CANARY}`, { 'default/web-canary/80': '10.0.0.9:8080' }],
  ['main keeps its clients', `k1|${MAIN}`, { 'default/web/80': '10.0.0.2:8080' }, { canaryWeight: 100 }],
  [
    'a canary that takes no part keeps nobody',
    `k1|${CANARY}`,
    { 'default/web/80': '10.0.0.2:8080' },
    { sticky: false },
  ],
  [
    'a canary that was aborted has ended its sessions',
    `k1|${CANARY}`,
    { 'default/web/80': null },
    { sticky: false, aborted: true },
  ],
  [
    'a cookie without a second half leaves it to the weights',
    'k1',
    { 'default/web-canary/80': '10.0.0.9:8080', 'default/web/80': '10.0.0.2:8080' },
    { canaryWeight: 50 },
  ],
  [
    'unhealthy endpoints keep nobody',
    `k1|${MAIN}`,
    { 'default/web/80': '10.0.0.1:8080' },
    { pods: [pod(1), pod(2, { healthy: false, reason: 'status 500' }), pod(3)] },
  ],
  [
    'draining endpoints keep theirs',
    `k1|${MAIN}`,
    { 'default/web/80': '10.0.0.2:8080' },
    { pods: [pod(1), pod(2, { draining: true }), pod(3)] },
  ],
  ['persistent', `${PERSISTENT_B}|${MAIN}`, { 'default/web/80': '10.0.0.2:8080' }, { mode: 'persistent' }],
  ['persistent, gone', `k1|${MAIN}`, { 'default/web/80': null }, { mode: 'persistent' }],
];

for (const [name, cookie, leads, given] of CASES) {
  test(name, () => {
    const { session } = explain(cookie, given);
    assert.deepEqual(Object.fromEntries(session?.leads.map((lead) => [lead.upstream, lead.endpoint]) ?? []), leads);
  });
}

test('the text says whose the client is and where the key leads', () => {
  const text = formatExplanation(explain(`k1|${MAIN}`, { canaryWeight: 100 }));
  assert.ok(
    text.includes(`
split     1. default/web/80: the session of the client is with it, so no rule is asked
          -> default/web/80: 100 %
session   cookie INGRESSCOOKIE, balanced
          default/web/80: the key leads to 10.0.0.2:8080
upstream  default/web/80, round-robin
`),
    text,
  );
});
