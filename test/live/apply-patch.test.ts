/** A patch leads where the whole configuration leads, touches nothing it does not name, and never half applies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { exposeCollector } from '../../src/cli/exposed-collector.ts';
import { compile } from '../../src/config/compile.ts';
import { Compiler } from '../../src/config/compiler.ts';
import { diffConfigs } from '../../src/control/config-differ.ts';
import { applyConfig } from '../../src/live/apply-config.ts';
import { applyPatch } from '../../src/live/apply-patch.ts';
import type { LiveRoute } from '../../src/live/live-route.ts';
import { LiveState } from '../../src/live/live-state.ts';
import {
  type ConfigPatch,
  type ReceivedPatch,
  readPatch,
  readRoutes,
  writePatch,
} from '../../src/model/config-patch.ts';
import type { ProxyConfig, RouteConfig } from '../../src/model/proxy-config.ts';
import { takeAll } from '../../src/model/steps.ts';
import { arbitraryEdits, arbitraryTownEdits } from '../support/arbitrary-edits.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { keyPair, settings } from '../support/fixtures.ts';
import {
  canaryConfig,
  certificateConfig,
  listenerConfig,
  proxyConfig,
  routeConfig,
  upstreamConfig,
} from '../support/proxy-config.ts';
import { requestFacts } from '../support/request-facts.ts';

function createLive(): LiveState {
  const transport = { idleCount: 0, openCount: 0, close: () => undefined, retire: () => undefined };
  return new LiveState(new UpstreamRegistry(() => transport, 1));
}

function match(live: LiveState, host: string, path: string): LiveRoute | null {
  return live.current.tables.get('web')?.match(host, path, path.length, requestFacts()) ?? null;
}

/** As it is in a worker. */
function cross(patch: ConfigPatch): ReceivedPatch {
  const read = readPatch(writePatch(patch));
  const hosts = hostsOf(read);
  const { base, generation, upstreams, removedUpstreams, certificates } = read;
  assert.deepEqual({ base, generation, hosts, upstreams, removedUpstreams, certificates }, patch);
  return read;
}

function hostsOf({ hosts, policies }: ReceivedPatch): ConfigPatch['hosts'] {
  return hosts.map((written) => ({ host: written.host, routes: readRoutes(written, policies) }));
}

function patchBetween(base: ProxyConfig, next: ProxyConfig): ReceivedPatch {
  const patch = diffConfigs(base, next);
  assert.ok(patch !== null);
  return cross(patch);
}

const DRAWS = [0, 3, 50, 99, 12_345];
const REQUESTS = [
  requestFacts(),
  requestFacts({ headers: { 'x-canary': 'always' } }),
  requestFacts({ headers: { cookie: 'X-Canary=always' } }),
];

/** Everything a request, a handshake or a scrape can see of it. */
function describe(live: LiveState, configs: readonly ProxyConfig[]): unknown {
  const places = new Map(
    configs.flatMap(({ routes }) => routes.map(({ host, path }) => [`${host} ${path.value}`, { host, path }])),
  );
  const hosts = new Set(Array.from(places.values(), ({ host }) => host.replace('*', 'some')).concat('nobody.example'));
  const paths = new Set(Array.from(places.values(), ({ path }) => path.value).concat('/nowhere/else'));
  return {
    number: live.current.number,
    matches: [...hosts].flatMap((host) => [...paths].map((path) => describeRoute(live, match(live, host, path)))),
    served: [...hosts].map((host) => live.current.tables.get('web')?.hostFor(host)),
    former: [...hosts].map((host) => live.current.formerTable?.hostFor(host)),
    certificates: [...hosts, ''].map((host) => live.current.certificates.certificateFor(host)),
    upstreams: Array.from(live.upstreams.all(), (upstream) => ({
      id: upstream.id,
      algorithm: upstream.algorithm,
      backup: upstream.backup === null ? null : [upstream.backup.id, live.upstreams.get(upstream.backup.id) !== null],
      endpoints: upstream.endpoints.map(({ id, weight, draining }) => ({ id, weight, draining })),
    })).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    releases: live.releases
      .toFigures()
      .map(({ id }) => id)
      .toSorted(),
    routeIds: [...live.routeIds].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  };
}

function describeRoute(live: LiveState, route: LiveRoute | null): unknown {
  if (route === null) return null;
  const targets = REQUESTS.flatMap((request) => DRAWS.map((draw) => route.split.choose(request, '192.0.2.1', draw)));
  return {
    id: route.id,
    policy: route.policy,
    isCounted: live.routeStats.get(route.id) === route.stats,
    slashRedirectLength: route.slashRedirectLength,
    hasAffinity: route.affinity !== null,
    targets: targets.map(({ upstream, hashKey, sticky, weight }) => ({
      upstream: upstream.id,
      isRunning: live.upstreams.get(upstream.id) === upstream,
      hashes: hashKey !== null,
      sticky: sticky?.hash ?? null,
      weight,
    })),
  };
}

const edits = fc.oneof(arbitraryEdits, arbitraryTownEdits);

for (const remembers of [true, false]) {
  const name = remembers ? 'where it is known what differs' : 'where every configuration is made anew';
  test(`patches lead where whole configurations lead, ${name}`, () => {
    fc.assert(
      fc.property(edits, fc.boolean(), fc.array(fc.boolean()), (snapshots, hasDefault, asked) => {
        const flags = settings({
          takeEveryIngress: true,
          listeners: [listenerConfig('web')],
          fallbackCertificate: hasDefault ? keyPair() : null,
          defaultBackendService: hasDefault ? 'one/a' : '',
        });
        const compiler = new Compiler(flags);
        const [patched, whole] = [createLive(), createLive()];
        const seen: ProxyConfig[] = [];
        let running: ProxyConfig | null = null;
        for (const objects of snapshots) {
          if (objects.endpointsOnly && running !== null) {
            const { config, changes } = compiler.compileEndpoints(objects);
            for (const change of changes) {
              patched.upstreams.applyEndpoints(change);
              whole.upstreams.applyEndpoints(change);
            }
            running = config;
            continue;
          }
          const { config, changes } = compiler.compile(objects);
          const next: ProxyConfig = remembers ? config : compile(objects, flags);
          const patch: ConfigPatch | null =
            running === null ? null : diffConfigs(running, next, remembers ? changes : null);
          if (patch === null) applyConfig(patched, structuredClone(next));
          else assert.ok(takeAll(applyPatch(patched, cross(patch))));
          assert.equal(patch === null, running === null);
          applyConfig(whole, structuredClone(next));
          seen.push(next);
          // A host that nobody asked for has not been built when it changes again.
          if (asked[seen.length] !== false) assert.deepEqual(describe(patched, seen), describe(whole, seen));
          for (const id of patched.routeStats.keys()) assert.ok(whole.routeStats.has(id), `${id} is no more`);
          running = next;
        }
        assert.deepEqual(describe(patched, seen), describe(whole, seen));
      }),
      { numRuns: 200 },
    );
  });
}

const A = upstreamConfig('a', '10.0.0.1:80');
const B = upstreamConfig('b', '10.0.0.2:80');
const SHOP = routeConfig('shop', 'a', { host: 'shop.example' });
const BLOG = routeConfig('blog', 'b', { host: 'blog.example' });
const BASE = proxyConfig({ generation: 1, upstreams: [A, B], routes: [BLOG, SHOP] });

test('a patch names the hosts that differ, and no upstream that runs as it is', () => {
  const canaries = [canaryConfig('b', { weight: 10 })];
  const split = { members: [{ upstream: 'a', weight: 1, filters: [] }], canaries };
  const changed = { ...SHOP, split };
  const patch = patchBetween(BASE, { ...BASE, generation: 2, routes: [BLOG, changed] });
  assert.deepEqual(hostsOf(patch), [{ host: 'shop.example', routes: [changed] }]);
  assert.deepEqual([patch.base, patch.generation], [1, 2]);
  assert.deepEqual([patch.upstreams, patch.removedUpstreams, patch.certificates], [[], [], null]);
});

test('a route is linked to an upstream that a patch does not name as that one runs', () => {
  const live = createLive();
  const hashing = { keyTemplate: '$request_uri', subsetSize: 0, boundPercent: 0 };
  const backend = { namespace: 'team', service: 'shop', port: 80 };
  const hashed = { ...A, balancer: 'ring-hash', hashing, backend } as const;
  const base = { ...BASE, upstreams: [hashed, B] };
  applyConfig(live, base);
  const next = { ...base, generation: 2, routes: [BLOG, { ...SHOP, id: 'shop-2' }] };
  assert.ok(takeAll(applyPatch(live, patchBetween(base, next))));
  const target = match(live, 'shop.example', '/')?.split.choose(requestFacts(), '192.0.2.1', 0);
  assert.equal(target?.upstream, live.upstreams.get('a'));
  assert.notEqual(target?.hashKey, null);
  assert.deepEqual(target?.upstream.backend, backend);
});

test('a route cannot be linked to an upstream that its patch removes', () => {
  const live = createLive();
  applyConfig(live, BASE);
  const patch = patchBetween(BASE, { ...BASE, generation: 2, routes: [BLOG, { ...SHOP, id: 'shop-2' }] });
  assert.throws(() => takeAll(applyPatch(live, { ...patch, removedUpstreams: ['a'] })), /unknown upstream a/);
  assert.equal(live.current.number, 1);
  assert.notEqual(live.upstreams.get('a'), null);
});

test('new addresses of an upstream leave its routes alone, anything else about it has them linked anew', () => {
  const moved = upstreamConfig('a', '10.0.0.9:80');
  const patch = patchBetween(BASE, { ...BASE, generation: 2, upstreams: [moved, B] });
  assert.deepEqual([patch.hosts, patch.upstreams], [[], [moved]]);
  const hashing = { ...A, hashing: { keyTemplate: '$remote_addr', subsetSize: 0, boundPercent: 0 } };
  const relinked = patchBetween(BASE, { ...BASE, generation: 2, upstreams: [hashing, B] });
  assert.deepEqual(hostsOf(relinked), [{ host: 'shop.example', routes: [SHOP] }]);
});

test('a backup that appears under a known name is linked to', () => {
  const live = createLive();
  const backedUp = { ...A, backup: 'spare' };
  const first = { ...BASE, upstreams: [backedUp, B] };
  applyConfig(live, first);
  assert.equal(live.upstreams.get('a')?.backup, null);
  const next = { ...first, generation: 2, upstreams: [backedUp, B, upstreamConfig('spare', '10.0.0.3:80')] };
  assert.ok(takeAll(applyPatch(live, patchBetween(first, next))));
  assert.equal(live.upstreams.get('a')?.backup, live.upstreams.get('spare'));
});

test('what a patch does not name stays the same object, and so do counters of what it does', () => {
  const live = createLive();
  applyConfig(live, BASE);
  const [blog, shop] = [match(live, 'blog.example', '/'), match(live, 'shop.example', '/')];
  const policy = { ...SHOP.policy, responseTimeoutMs: 1 };
  assert.ok(
    takeAll(applyPatch(live, patchBetween(BASE, { ...BASE, generation: 2, routes: [BLOG, { ...SHOP, policy }] }))),
  );
  assert.equal(match(live, 'blog.example', '/'), blog);
  assert.notEqual(match(live, 'shop.example', '/'), shop);
  assert.equal(match(live, 'shop.example', '/')?.stats, shop?.stats);
  assert.equal(live.configApplied, 2);
  assert.equal(shop?.policy.responseTimeoutMs, SHOP.policy.responseTimeoutMs, 'of a running exchange');
});

function pem(text: string): { readonly certPem: string; readonly keyPem: string } {
  return { certPem: text, keyPem: text };
}

test('certificates come, change, go and keep their order', () => {
  const live = createLive();
  const one = certificateConfig('one', pem('1'), { hosts: ['one.example'] });
  const two = certificateConfig('two', pem('2'), { hosts: ['two.example'] });
  const first = { ...BASE, certificates: [one, two] };
  applyConfig(live, first);
  const kept = live.current.certificates.certificateFor('two.example');
  const changed = { ...one, ...pem('1b') };
  const second = { ...first, generation: 2, certificates: [changed, two] };
  const patch = patchBetween(first, second);
  assert.deepEqual(patch.certificates, { ids: ['one', 'two'], changed: [changed] });
  assert.ok(takeAll(applyPatch(live, patch)));
  assert.equal(live.current.certificates.certificateFor('one.example')?.certPem, '1b');
  assert.equal(live.current.certificates.certificateFor('two.example'), kept);
  assert.ok(takeAll(applyPatch(live, patchBetween(second, { ...second, generation: 3, certificates: [two] }))));
  assert.equal(live.current.certificates.certificateFor('one.example'), null);
  assert.deepEqual(live.certificates, [two]);
});

test('requests between the steps of a patch find nothing of it', () => {
  const live = createLive();
  applyConfig(live, BASE);
  const changed = [BLOG, SHOP].map((route) => withRetries(route, 9));
  const next = { ...BASE, generation: 2, routes: changed };
  const before = describe(live, [BASE, next]);
  const steps = applyPatch(live, patchBetween(BASE, next));
  let between = 0;
  let step = steps.next();
  for (; step.done !== true; step = steps.next()) {
    assert.deepEqual(describe(live, [BASE, next]), before);
    between++;
  }
  assert.equal(step.value, true);
  assert.equal(between, 2, 'one for each host');
  for (const { host, path } of changed) assert.equal(match(live, host, path.value)?.policy.retryAttempts, 9);
});

function withRetries(route: RouteConfig, retryAttempts: number): RouteConfig {
  return { ...route, policy: { ...route.policy, retryAttempts } };
}

test('plain routes are built with their first request, and go on with the figures under their id', () => {
  const live = createLive();
  applyConfig(live, BASE);
  const known = live.routeStats.get(SHOP.id);
  const fresh = { ...BLOG, id: 'fresh' };
  const next = { ...BASE, generation: 2, routes: [fresh, withRetries(SHOP, 9)] };
  assert.ok(takeAll(applyPatch(live, patchBetween(BASE, next))));
  assert.deepEqual([...live.routeStats.keys()], [SHOP.id], 'nobody asked for the fresh one, and the former is gone');
  assert.equal(match(live, 'shop.example', '/')?.stats, known);
  const route = match(live, fresh.host, fresh.path.value);
  assert.equal(route?.id, 'fresh');
  assert.equal(live.routeStats.get('fresh'), route?.stats);
  assert.equal(match(live, fresh.host, fresh.path.value), route, 'built once');
});

test('a host that nobody asked for before it changes again leaves nothing', () => {
  const live = createLive();
  applyConfig(live, BASE);
  const second = { ...BASE, generation: 2, routes: [BLOG, { ...SHOP, id: 'second' }] };
  assert.ok(takeAll(applyPatch(live, patchBetween(BASE, second))));
  const third = { ...BASE, generation: 3, routes: [BLOG, { ...SHOP, id: 'third' }] };
  assert.ok(takeAll(applyPatch(live, patchBetween(second, third))));
  assert.equal(match(live, 'shop.example', '/')?.id, 'third');
  assert.deepEqual([...live.routeStats.keys()].toSorted(), [BLOG.id, 'third'].toSorted());
  const fourth = { ...BASE, generation: 4, routes: [BLOG] };
  assert.ok(takeAll(applyPatch(live, patchBetween(third, fourth))));
  assert.equal(match(live, 'shop.example', '/'), null);
  assert.deepEqual([...live.routeStats.keys()], [BLOG.id]);
});

/** The shop has a route that a patch brought and nobody has asked for, and is to have a canary as well. */
function withUnaskedRoute(): { readonly live: LiveState; readonly running: ProxyConfig; readonly canary: RouteConfig } {
  const live = createLive();
  applyConfig(live, BASE);
  const plain = { ...SHOP, id: 'new' };
  const running = { ...BASE, generation: 2, routes: [BLOG, plain] };
  assert.ok(takeAll(applyPatch(live, patchBetween(BASE, running))));
  const canaries = [canaryConfig('b', { weight: 10 })];
  return { live, running, canary: { ...plain, split: { members: SHOP.split.members, canaries } } };
}

test('a request that comes while its host is built counts for the route that follows', () => {
  const { live, running, canary } = withUnaskedRoute();
  const steps = applyPatch(live, patchBetween(running, { ...running, generation: 3, routes: [BLOG, canary] }));
  assert.equal(steps.next().done, false);
  const before = match(live, 'shop.example', '/');
  assert.ok(before !== null);
  takeAll(steps);
  const after = match(live, 'shop.example', '/');
  assert.notEqual(after, before);
  assert.equal(after?.stats, before.stats);
  assert.equal(live.routeStats.get('new'), before.stats);
});

test('a patch that is refused leaves routes in force the figures that a request began in between', () => {
  const { live, running, canary } = withUnaskedRoute();
  const unknown = { ...BLOG, id: 'unknown', split: canary.split };
  const patch = patchBetween(running, { ...running, generation: 3, routes: [unknown, canary] });
  const [shop, blog] = patch.hosts.toSorted((a, b) => (a.host > b.host ? -1 : 1));
  assert.ok(shop !== undefined && blog !== undefined);
  const steps = applyPatch(live, { ...patch, hosts: [shop, blog, { ...blog, upstreams: ['gone'] }] });
  assert.equal(steps.next().done, false);
  const inForce = match(live, 'shop.example', '/');
  assert.throws(() => takeAll(steps), /unknown upstream gone/);
  assert.equal(live.routeStats.get('new'), inForce?.stats);
  assert.equal(live.routeStats.has('unknown'), false);
});

test('a host that nobody asks for keeps nothing of its patch but itself', async () => {
  const live = createLive();
  applyConfig(live, BASE);
  const next = { ...BASE, generation: 2, routes: [withRetries(BLOG, 9), withRetries(SHOP, 9)] };
  const applied = (): WeakRef<ReceivedPatch> => {
    const patch = patchBetween(BASE, next);
    assert.ok(takeAll(applyPatch(live, patch)));
    return new WeakRef(patch);
  };
  const patch = applied();
  const collect = exposeCollector();
  assert.ok(collect !== null);
  // What a reference was asked for lives until the end of that turn.
  await eventuallyTrue(() => {
    collect({ type: 'major', execution: 'sync' });
    return patch.deref() === undefined;
  });
  assert.equal(match(live, 'shop.example', '/')?.policy.retryAttempts, 9);
});

test('policies that routes share cross once', () => {
  const policy = { ...SHOP.policy, retryAttempts: 7 };
  const routes = ['/a', '/b', '/c'].map((value) => {
    return { ...SHOP, id: `shop.example|prefix|${value}`, path: { kind: 'prefix' as const, value }, policy };
  });
  const patch = patchBetween(BASE, { ...BASE, generation: 2, routes: [BLOG, ...routes] });
  assert.deepEqual(patch.policies, [policy]);
  const [host] = patch.hosts;
  assert.ok(host !== undefined);
  assert.equal(new Set(readRoutes(host, patch.policies).map((route) => route.policy)).size, 1);
});

test('a patch for another generation changes nothing', () => {
  const live = createLive();
  const patch = patchBetween(BASE, { ...BASE, generation: 2, routes: [BLOG], upstreams: [B] });
  assert.equal(takeAll(applyPatch(live, { ...patch, base: 0 })), false, 'nothing runs yet');
  applyConfig(live, { ...BASE, generation: 7 });
  const { current } = live;
  assert.equal(takeAll(applyPatch(live, patch)), false);
  assert.equal(live.current, current);
  assert.notEqual(live.upstreams.get('a'), null);
});

test('a patch that cannot be applied changes nothing', () => {
  const live = createLive();
  applyConfig(live, BASE);
  const { current } = live;
  const counted = [...live.routeStats.keys()];
  const canaries = [canaryConfig('new', { header: { name: 'x', kind: 'pattern', value: '(' } })];
  const broken = { ...SHOP, split: { members: [{ upstream: 'new', weight: 1, filters: [] }], canaries } };
  const next = {
    ...BASE,
    generation: 2,
    routes: [broken],
    upstreams: [upstreamConfig('a', '10.0.0.7:80'), upstreamConfig('new')],
  };
  assert.throws(() => takeAll(applyPatch(live, patchBetween(BASE, next))));
  assert.equal(live.current, current);
  assert.equal(live.upstreams.get('new'), null);
  assert.equal(live.upstreams.get('a')?.endpoints[0]?.id, '10.0.0.1:80');
  assert.deepEqual([...live.routeStats.keys()], counted);
  assert.equal(live.configApplied, 1);
});

test('there is no patch between configurations with other listeners, or with routes for some listeners only', () => {
  assert.equal(diffConfigs(BASE, { ...BASE, listeners: [listenerConfig('web', { port: 1 })] }), null);
  const restricted = { ...BASE, routes: [{ ...SHOP, listeners: ['web'] }] };
  assert.equal(diffConfigs(BASE, restricted), null);
  assert.equal(diffConfigs(restricted, BASE), null);
});
