/** What is exported as metrics, under which names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MetricsOptions, MetricsRegistry } from '../../src/metrics/registry.ts';
import type { ControlStatus, RouteProvenance } from '../../src/metrics/scrape.ts';
import type { HealthCheckStats } from '../../src/model/health-check.ts';
import type { ReleaseStatus } from '../../src/model/release-status.ts';
import { DURATION_BUCKETS_MS, type WorkerStats } from '../../src/model/worker-stats.ts';
import { release, releaseState } from '../support/release.ts';
import { endpointRow, routeRow, upstreamRow, workerStats } from '../support/worker-stats.ts';

const SIDE = { errorRate: 0.05, p50Ms: 10, p95Ms: 20, p99Ms: 30 };
const RELEASE: ReleaseStatus = {
  config: release(),
  source: { kind: 'Ingress', namespace: 'shop', name: 'canary' },
  routes: ['shop.example /'],
  routeCount: 1,
  state: releaseState({ step: 1 }),
  stored: true,
  percent: 25,
  heldMs: 90_000,
  waitsFor: 'time',
  gates: [{ gate: 'errors', verdict: 'inside', evidence: 0.25, text: '' }],
  sides: {
    stable: { ...SIDE, requests: 60, failures: 3, totalRequests: 600, totalFailures: 30 },
    canary: { ...SIDE, requests: 20, failures: 1, totalRequests: 200, totalFailures: 10 },
  },
  replicas: { counted: 0, silent: 0 },
};

const CONTROL: ControlStatus = {
  generation: 4,
  lastApplySucceeded: true,
  lastAppliedAt: 1_700_000_000_000,
  applied: 3,
  applyFailures: 1,
  workerRestarts: 2,
  workerHangs: 1,
  snapshot: { serving: true, ageMs: 90_000, lastWrittenAt: 0, writeFailures: 2 },
  problems: [
    { code: 'path-invalid', severity: 'rejected' },
    { code: 'path-invalid', severity: 'rejected' },
    { code: 'annotation-unsupported', severity: 'warning' },
  ],
  leader: {
    electionId: 'sluice-leader',
    isLeader: true,
    writes: [{ kind: 'status', result: 'ok', count: 3 }],
  },
  admission: null,
  releases: { decides: true, releases: [RELEASE] },
};

const HEALTH: HealthCheckStats = {
  succeeded: 40,
  failed: 3,
  timedOut: 2,
  becameHealthy: 1,
  becameUnhealthy: 2,
  healthy: 7,
  unhealthy: 1,
  inFlight: 5,
  waiting: 4,
};

const CART: RouteProvenance = { host: 'shop.example', path: '/cart', namespace: 'shop', name: 'web', kind: 'Ingress' };

function registry(options: Partial<MetricsOptions>): MetricsRegistry {
  return new MetricsRegistry({
    collectWorkers: () => Promise.resolve([]),
    control: () => CONTROL,
    routes: () => new Map(),
    upstreams: { hasUpstream: () => false, weightsOf: () => new Map() },
    certificates: () => [],
    health: () => HEALTH,
    nginx: null,
    version: '1.2.3',
    ...options,
  });
}

/** The lines of one metric, sorted by nothing: order is part of what is printed. */
function linesOf(text: string, name: string): readonly string[] {
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

const busy = workerStats(1, {
  connections: { active: 5, accepted: 9, refused: 3, refusedPerClient: 6, acceptErrors: 4, tlsHandshakeErrors: 1 },
  requests: { active: 2, total: 12, unrouted: { 404: 3 } },
  cpuSeconds: 1.5,
  routes: [
    routeRow('cart', 4, {
      statusClasses: [0, 4, 0, 0, 2],
      requestBytes: 10,
      responseBytes: 20,
      split: [
        { upstreamId: 'shop/web/80', canary: false, requests: 5, failures: 2, fallbacks: 0 },
        { upstreamId: 'shop/next/80', canary: true, requests: 1, failures: 0, fallbacks: 1 },
      ],
    }),
    routeRow('idle', 0),
    routeRow('gone', 1),
  ],
  endpoints: [endpointRow('shop/web/80', '10.0.0.1:8080', { openConnections: 3, idleConnections: 1, requests: 7 })],
});

const busyOptions: Partial<MetricsOptions> = {
  collectWorkers: () => Promise.resolve([busy]),
  routes: () =>
    new Map([
      ['cart', CART],
      ['idle', { ...CART, path: '/idle' }],
    ]),
};

test('requests are printed by route, provenance and status class', async () => {
  const labels = 'route="cart",host="shop.example",path="/cart",namespace="shop",ingress="web"';
  assert.deepEqual(linesOf(await registry(busyOptions).render(), 'sluice_requests_total'), [
    `sluice_requests_total{status_class="1xx",${labels}} 0`,
    `sluice_requests_total{status_class="2xx",${labels}} 4`,
    `sluice_requests_total{status_class="3xx",${labels}} 0`,
    `sluice_requests_total{status_class="4xx",${labels}} 0`,
    `sluice_requests_total{status_class="5xx",${labels}} 2`,
  ]);
});

test('routes that served nothing or no longer exist have no series', async () => {
  const text = await registry(busyOptions).render();
  assert.doesNotMatch(text, /route="idle"/);
  assert.doesNotMatch(text, /route="gone"/);
});

test('the duration histogram is cumulative, in seconds, and ends in +Inf', async () => {
  const durationBuckets = [1, 2, ...DURATION_BUCKETS_MS.slice(2).map(() => 0), 4];
  const worker = workerStats(1, { routes: [routeRow('cart', 7, { durationBuckets, durationSumMs: 1500 })] });
  const text = await registry({ ...busyOptions, collectWorkers: () => Promise.resolve([worker]) }).render();
  const labels = 'route="cart",host="shop.example",path="/cart",namespace="shop",ingress="web"';
  const buckets = linesOf(text, 'sluice_request_duration_seconds_bucket');
  assert.equal(buckets.length, DURATION_BUCKETS_MS.length + 1);
  assert.equal(buckets[0], `sluice_request_duration_seconds_bucket{le="0.001",${labels}} 1`);
  assert.equal(buckets[1], `sluice_request_duration_seconds_bucket{le="0.0025",${labels}} 3`);
  assert.equal(buckets.at(-1), `sluice_request_duration_seconds_bucket{le="+Inf",${labels}} 7`);
  assert.deepEqual(linesOf(text, 'sluice_request_duration_seconds_sum'), [
    `sluice_request_duration_seconds_sum{${labels}} 1.5`,
  ]);
  assert.deepEqual(linesOf(text, 'sluice_request_duration_seconds_count'), [
    `sluice_request_duration_seconds_count{${labels}} 7`,
  ]);
});

test('what the split did is printed by upstream and canary', async () => {
  const text = await registry(busyOptions).render();
  const lines = linesOf(text, 'sluice_split_requests_total');
  assert.equal(lines.length, 2);
  const fallbacks = linesOf(text, 'sluice_split_fallbacks_total');
  assert.equal(fallbacks.length, 1);
  assert.match(fallbacks[0] ?? '', /upstream="shop\/next\/80",canary="true",.* 1$/);
  assert.match(lines[0] ?? '', /upstream="shop\/web\/80",canary="false",.* 5$/);
  assert.match(lines[1] ?? '', /upstream="shop\/next\/80",canary="true",.* 1$/);
});

test('endpoints are printed with health, connections and counters', async () => {
  const text = await registry(busyOptions).render();
  const labels = 'upstream="shop/web/80",endpoint="10.0.0.1:8080"';
  assert.deepEqual(linesOf(text, 'sluice_endpoint_healthy'), [`sluice_endpoint_healthy{${labels}} 1`]);
  assert.deepEqual(linesOf(text, 'sluice_endpoint_connections'), [
    `sluice_endpoint_connections{state="active",${labels}} 2`,
    `sluice_endpoint_connections{state="idle",${labels}} 1`,
  ]);
  assert.deepEqual(linesOf(text, 'sluice_endpoint_requests_total'), [`sluice_endpoint_requests_total{${labels}} 7`]);
});

test('an endpoint that never got a request has series only while it is not healthy', async () => {
  const endpoints = [
    endpointRow('shop/web/80', '10.0.0.1:8080'),
    endpointRow('shop/web/80', '10.0.0.2:8080', { healthy: false }),
  ];
  const collectWorkers = (): Promise<readonly WorkerStats[]> => Promise.resolve([workerStats(1, { endpoints })]);
  const text = await registry({ ...busyOptions, collectWorkers }).render();
  const labels = 'upstream="shop/web/80",endpoint="10.0.0.2:8080"';
  assert.deepEqual(linesOf(text, 'sluice_endpoint_healthy'), [`sluice_endpoint_healthy{${labels}} 0`]);
  assert.deepEqual(linesOf(text, 'sluice_endpoint_requests_total'), [`sluice_endpoint_requests_total{${labels}} 0`]);
});

test('ejections and panics are added up over workers, and printed only where there were any', async () => {
  const id = '10.0.0.1:8080';
  const other = endpointRow('shop/web/80', '10.0.0.2:8080');
  const ejections = { 'server-errors': 2 };
  const workers = [
    workerStats(1, {
      endpoints: [endpointRow('shop/web/80', id, { ejected: 'server-errors', ejections }), other],
      upstreams: [upstreamRow('shop/web/80', { panicking: true, panics: 3 }), upstreamRow('shop/api/80')],
    }),
    workerStats(2, {
      endpoints: [endpointRow('shop/web/80', id, { ejections: { ...ejections, 'success-rate': 1 } }), other],
      upstreams: [upstreamRow('shop/web/80', { panics: 1 }), upstreamRow('shop/api/80')],
    }),
  ];
  const text = await registry({ ...busyOptions, collectWorkers: () => Promise.resolve(workers) }).render();
  const labels = `upstream="shop/web/80",endpoint="${id}"`;
  assert.deepEqual(linesOf(text, 'sluice_endpoint_ejected'), [`sluice_endpoint_ejected{${labels}} 0.5`]);
  assert.deepEqual(linesOf(text, 'sluice_endpoint_ejections_total'), [
    `sluice_endpoint_ejections_total{reason="server-errors",${labels}} 4`,
    `sluice_endpoint_ejections_total{reason="success-rate",${labels}} 1`,
  ]);
  assert.deepEqual(linesOf(text, 'sluice_upstream_panicking'), [
    'sluice_upstream_panicking{upstream="shop/web/80"} 0.5',
  ]);
  assert.deepEqual(linesOf(text, 'sluice_upstream_panics_total'), [
    'sluice_upstream_panics_total{upstream="shop/web/80"} 4',
  ]);
});

test('traffic, workers and configuration are printed', async () => {
  const text = await registry(busyOptions).render();
  for (const line of [
    'sluice_connections 5',
    'sluice_connections_accepted_total 9',
    'sluice_connections_refused_total 3',
    'sluice_connections_refused_per_ip_total 6',
    'sluice_accept_errors_total 4',
    'sluice_tls_handshake_errors_total 1',
    'sluice_requests_in_flight 2',
    'sluice_unrouted_requests_total{status="404"} 3',
    'sluice_workers 1',
    'sluice_worker_restarts_total 2',
    'sluice_worker_hangs_total 1',
    'sluice_worker_connections{worker="1"} 5',
    'sluice_worker_cpu_seconds_total{worker="1"} 1.5',
    'sluice_config_generation 4',
    'sluice_config_last_apply_successful 1',
    'sluice_config_last_apply_success_timestamp_seconds 1700000000',
    'sluice_config_applied_total 3',
    'sluice_config_apply_failures_total 1',
    'sluice_config_routes 2',
    'sluice_config_problems{code="path-invalid",severity="rejected"} 2',
    'sluice_config_problems{code="annotation-unsupported",severity="warning"} 1',
    'sluice_leader{name="sluice-leader"} 1',
    'sluice_kubernetes_writes_total{kind="status",result="ok"} 3',
    'sluice_serving_snapshot 1',
    'sluice_served_snapshot_age_seconds 90',
    'sluice_snapshot_last_write_timestamp_seconds 0',
    'sluice_snapshot_write_failures_total 2',
    `sluice_build_info{version="1.2.3",node="${process.version}"} 1`,
  ]) {
    assert.ok(text.split('\n').includes(line), `${line} is missing in\n${text}`);
  }
  assert.match(text, /^process_resident_memory_bytes \d/m);
});

test('label values are escaped', async () => {
  const routes = new Map([['cart', { ...CART, path: '/a"b\\c\nd' }]]);
  const text = await registry({ ...busyOptions, routes: () => routes }).render();
  assert.match(text, /path="\/a\\"b\\\\c\\nd"/);
});

test('each name has one TYPE line and no series appears twice', async () => {
  const nginx = { controllerNamespace: 'ns', controllerClass: 'c', controllerPod: 'p' };
  const source = { kind: 'Secret', namespace: 'shop', name: 'tls' };
  const certificate = { hosts: ['a.example', 'a.example'], isDefault: true, notAfter: 1000, source };
  const text = await registry({ ...busyOptions, nginx, certificates: () => [certificate, certificate] }).render();
  const lines = text.split('\n').filter((line) => line !== '');
  const types = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
  const series = lines.filter((line) => !line.startsWith('#')).map((line) => line.slice(0, line.lastIndexOf(' ')));
  assert.equal(new Set(types).size, types.length);
  assert.equal(new Set(series).size, series.length);
});

test('scrapes at the same time ask the workers once', async () => {
  let asked = 0;
  const { promise, resolve } = Promise.withResolvers<readonly []>();
  const metrics = registry({
    collectWorkers: () => {
      asked++;
      return promise;
    },
  });
  const both = Promise.all([metrics.render(), metrics.render()]);
  resolve([]);
  const [first, second] = await both;
  assert.equal(first, second);
  assert.equal(asked, 1);
  await metrics.render();
  assert.equal(asked, 2);
});

test('a scrape that fails does not spoil the next one', async () => {
  let fail = true;
  const metrics = registry({ collectWorkers: () => (fail ? Promise.reject(new Error('no')) : Promise.resolve([])) });
  await assert.rejects(metrics.render(), /no/);
  fail = false;
  assert.match(await metrics.render(), /sluice_workers 0/);
});

test('a retired worker leaves its counters', async () => {
  let workers = [busy];
  const metrics = registry({ ...busyOptions, collectWorkers: () => Promise.resolve(workers) });
  await metrics.render();
  metrics.retire(1);
  workers = [];
  const text = await metrics.render();
  assert.deepEqual(linesOf(text, 'sluice_connections_accepted_total'), ['sluice_connections_accepted_total 9']);
  assert.deepEqual(linesOf(text, 'sluice_connections'), ['sluice_connections 0']);
});

const NGINX = { controllerNamespace: 'edge', controllerClass: 'k8s.io/ingress-nginx', controllerPod: 'sluice-0' };
const IDENTITY = 'controller_class="k8s.io/ingress-nginx",controller_namespace="edge",controller_pod="sluice-0"';

test('without nginx metrics no name of them appears', async () => {
  assert.doesNotMatch(await registry(busyOptions).render(), /nginx_ingress/);
});

test('nginx names carry the constant labels, and status as a class', async () => {
  const text = await registry({ ...busyOptions, nginx: NGINX }).render();
  const labels = 'host="shop.example",ingress="web",namespace="shop",path="/cart",service="web"';
  assert.deepEqual(
    linesOf(text, 'nginx_ingress_controller_requests').filter((line) => !line.endsWith(' 0')),
    [
      `nginx_ingress_controller_requests{status="2xx",${labels},${IDENTITY}} 4`,
      `nginx_ingress_controller_requests{status="5xx",${labels},${IDENTITY}} 2`,
    ],
  );
  const line = (name: string, value: string): void => {
    assert.deepEqual(linesOf(text, `nginx_ingress_controller_${name}`), [
      `nginx_ingress_controller_${name}{${IDENTITY}} ${value}`,
    ]);
  };
  line('config_last_reload_successful', '1');
  line('config_last_reload_successful_timestamp_seconds', '1700000000');
  line('success', '3');
  line('errors', '1');
  line('nginx_process_requests_total', '15');
});

test('exact and prefix of one path are one series under the nginx names', async () => {
  const routes = new Map([
    ['a', CART],
    ['b', CART],
  ]);
  const worker = workerStats(1, { routes: [routeRow('a', 1), routeRow('b', 2)] });
  const text = await registry({
    routes: () => routes,
    nginx: NGINX,
    collectWorkers: () => Promise.resolve([worker]),
  }).render();
  const ok = linesOf(text, 'nginx_ingress_controller_requests').filter((line) => line.includes('2xx'));
  assert.equal(ok.length, 1);
  assert.match(ok[0] ?? '', / 3$/);
  const counts = linesOf(text, 'nginx_ingress_controller_request_duration_seconds_count');
  assert.equal(counts.length, 1);
  assert.match(counts[0] ?? '', / 3$/);
});

test('our finer duration buckets go into the next coarser one of nginx', async () => {
  // 1 ms, 2.5 ms and 5 ms become 5 ms; what is slower than 10 s stays above every bound.
  const durationBuckets = [1, 1, 1, 1, ...DURATION_BUCKETS_MS.slice(4).map(() => 0), 1];
  const worker = workerStats(1, { routes: [routeRow('cart', 5, { durationBuckets })] });
  const text = await registry({
    ...busyOptions,
    nginx: NGINX,
    collectWorkers: () => Promise.resolve([worker]),
  }).render();
  const buckets = linesOf(text, 'nginx_ingress_controller_request_duration_seconds_bucket');
  const byBound = buckets.map((each) => [/le="([^"]*)"/.exec(each)?.[1], Number(each.split(' ').at(-1))]);
  assert.deepEqual(byBound.slice(0, 3), [
    ['0.005', 3],
    ['0.01', 4],
    ['0.025', 4],
  ]);
  assert.deepEqual(byBound.at(-1), ['+Inf', 5]);
  assert.equal(byBound.length, 12);
});

test('routes of a static file have no nginx series', async () => {
  const routes = new Map([['cart', { ...CART, kind: 'StaticConfig' }]]);
  const text = await registry({ ...busyOptions, routes: () => routes, nginx: NGINX }).render();
  assert.deepEqual(linesOf(text, 'nginx_ingress_controller_requests'), []);
  assert.match(
    text,
    /sluice_requests_total\{status_class="1xx",route="cart",host="shop.example",path="\/cart",namespace="shop",ingress=""\}/,
  );
});

test('certificate expiry is printed by host, with _ for the default one', async () => {
  const source = { kind: 'Secret', namespace: 'shop', name: 'tls' };
  const certificates = (): ReturnType<MetricsOptions['certificates']> => [
    { hosts: ['*.shop.example'], isDefault: true, notAfter: 2_000_000_000_000, source },
  ];
  const text = await registry({ certificates, nginx: NGINX }).render();
  assert.deepEqual(linesOf(text, 'sluice_certificate_not_after_timestamp_seconds'), [
    'sluice_certificate_not_after_timestamp_seconds{host="*.shop.example",namespace="shop",name="tls"} 2000000000',
    'sluice_certificate_not_after_timestamp_seconds{host="_",namespace="shop",name="tls"} 2000000000',
  ]);
  assert.deepEqual(linesOf(text, 'nginx_ingress_controller_ssl_expire_time_seconds'), [
    'nginx_ingress_controller_ssl_expire_time_seconds{class="k8s.io/ingress-nginx",host="*.shop.example",namespace="shop",secret_name="tls"} 2000000000',
    'nginx_ingress_controller_ssl_expire_time_seconds{class="k8s.io/ingress-nginx",host="_",namespace="shop",secret_name="tls"} 2000000000',
  ]);
});

test('retries, backups and limits are told for upstreams that had any', async () => {
  const retried = upstreamRow('shop/web/80', {
    retries: { error: 3, http_503: 1 },
    budgetExhausted: 2,
    backupRequests: 5,
    rejected: 4,
    queueTimeouts: 6,
  });
  const collectWorkers = (): Promise<readonly WorkerStats[]> =>
    Promise.resolve([workerStats(1, { upstreams: [retried, upstreamRow('shop/idle/80')] })]);
  const text = await registry({ collectWorkers }).render();
  const upstream = 'upstream="shop/web/80"';
  assert.deepEqual(
    text.split('\n').filter((line) => line.startsWith('sluice_upstream_')),
    [
      `sluice_upstream_retries_total{${upstream},reason="error"} 3`,
      `sluice_upstream_retries_total{${upstream},reason="http_503"} 1`,
      `sluice_upstream_retry_budget_exhausted_total{${upstream}} 2`,
      `sluice_upstream_backup_requests_total{${upstream}} 5`,
      `sluice_upstream_pending_requests{${upstream}} 0`,
      `sluice_upstream_rejected_requests_total{${upstream},reason="queue-full"} 4`,
      `sluice_upstream_rejected_requests_total{${upstream},reason="queue-timeout"} 6`,
    ],
  );
});

test('health checks are counted by result, and their verdicts are shown', async () => {
  const text = await registry({}).render();
  assert.deepEqual(linesOf(text, 'sluice_health_checks_total'), [
    'sluice_health_checks_total{result="success"} 40',
    'sluice_health_checks_total{result="failure"} 3',
    'sluice_health_checks_total{result="timeout"} 2',
  ]);
  assert.deepEqual(linesOf(text, 'sluice_health_transitions_total'), [
    'sluice_health_transitions_total{to="healthy"} 1',
    'sluice_health_transitions_total{to="unhealthy"} 2',
  ]);
  assert.deepEqual(linesOf(text, 'sluice_health_checked_addresses'), [
    'sluice_health_checked_addresses{verdict="healthy"} 7',
    'sluice_health_checked_addresses{verdict="unhealthy"} 1',
  ]);
  assert.deepEqual(linesOf(text, 'sluice_health_checks_pending'), [
    'sluice_health_checks_pending{state="in-flight"} 5',
    'sluice_health_checks_pending{state="waiting"} 4',
  ]);
});

test('admission reviews are printed where there is a webhook, and nothing where there is none', async () => {
  assert.doesNotMatch(await registry({}).render(), /sluice_admission/);
  const admission = {
    results: { allowed: 3, denied: 1 },
    boundsSeconds: [0.001, 0.01],
    durationCounts: [2, 1, 1],
    durationSumSeconds: 0.5,
  };
  const text = await registry({ control: () => ({ ...CONTROL, admission }) }).render();
  assert.deepEqual(linesOf(text, 'sluice_admission_reviews_total'), [
    'sluice_admission_reviews_total{result="allowed"} 3',
    'sluice_admission_reviews_total{result="denied"} 1',
  ]);
  assert.deepEqual(linesOf(text, 'sluice_admission_duration_seconds_bucket'), [
    'sluice_admission_duration_seconds_bucket{le="0.001"} 2',
    'sluice_admission_duration_seconds_bucket{le="0.01"} 3',
    'sluice_admission_duration_seconds_bucket{le="+Inf"} 4',
  ]);
});
