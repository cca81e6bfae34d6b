/** What holds for the compiler whatever users write: pure, total, independent of order, and equal to its short road. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { compile } from '../../src/config/compile.ts';
import { compileEndpoints, withEndpoints } from '../../src/config/compile-endpoints.ts';
import { CompileMemory } from '../../src/config/compile-memory.ts';
import { Compiler } from '../../src/config/compiler.ts';
import type { ConfigChanges } from '../../src/model/config-changes.ts';
import { toObjectKey } from '../../src/model/object-ref.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { EndpointChange, ProxyConfig } from '../../src/model/proxy-config.ts';
import { findUpstream, routesOfHost } from '../../src/model/sorted-config.ts';
import { arbitraryEdits, arbitraryTownEdits } from '../support/arbitrary-edits.ts';
import { arbitrarySlices, arbitrarySnapshot } from '../support/arbitrary-snapshot.ts';
import { keyPair, settings, snapshot } from '../support/fixtures.ts';

const arbitrarySettings = fc
  .record({
    takeEveryIngress: fc.boolean(),
    watchIngressWithoutClass: fc.boolean(),
    defaultBackendService: fc.constantFrom('', 'one/a', 'gone/gone'),
    zone: fc.constantFrom('', 'a'),
    defaultTlsSecret: fc.constantFrom('', 'one/a', 'gone/gone'),
    fallbackCertificate: fc.constantFrom(null, keyPair()),
  })
  .map(settings);

test('compiling gives a sound configuration for any objects and changes none of them', () => {
  fc.assert(
    fc.property(arbitrarySnapshot, arbitrarySettings, (objects, flags) => {
      const config = compile(deepFreeze(objects), deepFreeze(flags));
      assertUnique(config.routes.map((route) => route.id));
      assertUnique(config.upstreams.map((upstream) => upstream.id));
      assertUnique(config.certificates.map((certificate) => certificate.id));
      assertUnique(config.certificates.flatMap((certificate) => certificate.hosts));
      assert.ok(config.certificates.filter((certificate) => certificate.isDefault).length <= 1);
      const ids = new Set(config.upstreams.map((upstream) => upstream.id));
      for (const { split } of config.routes) {
        assert.equal(split.members.length, 1);
        for (const { upstream } of [...split.members, ...split.canaries]) assert.ok(ids.has(upstream), upstream);
      }
      assert.deepEqual(structuredClone(config), config);
    }),
    { numRuns: 300 },
  );
});

test('the order of objects and of annotations changes nothing', () => {
  fc.assert(
    fc.property(arbitrarySnapshot, arbitrarySettings, (objects, flags) => {
      assert.deepEqual(compile(reversed(objects), flags), compile(objects, flags));
    }),
    { numRuns: 300 },
  );
});

test('a host that an ingress names never falls through to the routes for any host', () => {
  fc.assert(
    fc.property(arbitrarySnapshot, (objects) => {
      const { routes, problems } = compile(objects, settings({ takeEveryIngress: true }));
      const routed = new Set(routes.map((route) => route.host));
      const canaries = new Set(
        [...objects.ingresses.values()]
          .filter((ingress) =>
            ['true', '1', 't'].includes(ingress.annotations['nginx.ingress.kubernetes.io/canary'] ?? ''),
          )
          .map((ingress) => ingress.key),
      );
      for (const ingress of objects.ingresses.values()) {
        if (canaries.has(ingress.key)) continue;
        for (const { host } of ingress.rules) {
          if (host !== '') assert.ok(routed.has(host.toLowerCase()), `${host}: ${JSON.stringify(problems)}`);
        }
      }
    }),
  );
});

test('the short road for endpoints gives what a full compile gives', () => {
  fc.assert(
    fc.property(arbitrarySnapshot, arbitrarySlices, arbitrarySettings, (before, slices, flags) => {
      const endpointSlices = Map.groupBy(slices, (item) => toObjectKey(item.namespace, item.serviceName));
      const after: ObjectSnapshot = { ...before, endpointSlices, endpointsOnly: true };
      const running = compile(before, flags);
      const changes = compileEndpoints(after, running, new CompileMemory(flags));
      assert.deepEqual(withEndpoints(running, changes), compile(after, flags));
      assert.deepEqual(compileEndpoints(after, withEndpoints(running, changes), new CompileMemory(flags)), []);
      const lists = new Map(running.upstreams.map((upstream) => [upstream.id, upstream.endpoints]));
      for (const change of changes) assert.notDeepEqual(change.endpoints, lists.get(change.upstreamId));
    }),
    { numRuns: 300 },
  );
});

/** Each is of another upstream: what matters is which there are. */
function inOrder(changes: readonly EndpointChange[]): readonly EndpointChange[] {
  return changes.toSorted((a, b) => (a.upstreamId < b.upstreamId ? -1 : 1));
}

test('where it is known what endpoints were before, the short road finds the same changes', () => {
  fc.assert(
    fc.property(arbitraryEdits, arbitrarySettings, (snapshots, flags) => {
      const memory = new CompileMemory(flags);
      for (const [at, { endpointSlices }] of snapshots.slice(1).entries()) {
        const before = snapshots[at] ?? snapshot({});
        const after = { ...before, endpointSlices };
        const running = compile(before, flags, memory);
        const changes = compileEndpoints(after, running, memory, before);
        const expected = compileEndpoints(after, running, new CompileMemory(flags));
        assert.deepEqual(inOrder(changes), inOrder(expected));
        const reserved = { ...after, services: new Map(after.services) };
        assert.deepEqual(compileEndpoints(reserved, running, memory, before), changes);
      }
    }),
    { numRuns: 300 },
  );
});

test('a compile that remembers those before it gives what one without a memory gives', () => {
  fc.assert(
    fc.property(arbitraryEdits, arbitrarySettings, (snapshots, flags) => {
      const memory = new CompileMemory(flags);
      for (const objects of snapshots) {
        const expected = compile(objects, flags);
        assert.deepEqual(compile(objects, flags, memory), expected);
        assert.deepEqual(compileEndpoints(objects, expected, memory), []);
      }
    }),
    { numRuns: 300 },
  );
});

for (const [name, sequences] of Object.entries({ anything: arbitraryEdits, neighbours: arbitraryTownEdits })) {
  test(`compiling what changed gives what compiling everything gives: edits of ${name}`, () => {
    fc.assert(
      fc.property(sequences, arbitrarySettings, (snapshots, flags) => {
        const compiler = new Compiler(flags);
        for (const [at, objects] of snapshots.entries()) {
          const expected = compile(objects, flags);
          if (at > 0 && objects.endpointsOnly) {
            const { config } = compiler.compileEndpoints(objects);
            assert.deepEqual({ ...config, generation: 0 }, { ...expected, generation: 0 });
          } else assert.deepEqual(compiler.compile(objects).config, expected);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test(`what an edit of ${name} leaves as it was is the same object in the next configuration, and is not called changed`, () => {
    fc.assert(
      fc.property(sequences, arbitrarySettings, (snapshots, flags) => {
        const compiler = new Compiler(flags);
        let before = compiler.compile(snapshots[0] ?? snapshot({})).config;
        for (const objects of snapshots.slice(1)) {
          const { config: after, changes } = compiler.compile(objects);
          assertShared(before.routes, after.routes);
          assertShared(before.upstreams, after.upstreams);
          assertShared(before.certificates, after.certificates);
          if (changes !== null) assertCovered(after, changes);
          before = after;
        }
      }),
    );
  });
}

function assertCovered(after: ProxyConfig, { base, hosts, upstreams }: ConfigChanges): void {
  const untouched = (config: ProxyConfig): unknown => ({
    routes: config.routes.filter(({ host }) => !hosts.has(host)),
    upstreams: config.upstreams.filter(({ id }) => !upstreams.has(id)),
  });
  assert.deepEqual(untouched(after), untouched(base));
  for (const [host, change] of hosts) {
    assert.deepEqual(change, { before: routesOfHost(base.routes, host), after: routesOfHost(after.routes, host) });
  }
  for (const [id, change] of upstreams) {
    assert.deepEqual(change, { before: findUpstream(base.upstreams, id), after: findUpstream(after.upstreams, id) });
  }
  const linked = new Set(
    after.routes
      .filter(({ host }) => !hosts.has(host))
      .flatMap(({ split }) => [...split.members, ...split.canaries].map(({ upstream }) => upstream)),
  );
  for (const id of linked) {
    const [last, next] = [findUpstream(base.upstreams, id), findUpstream(after.upstreams, id)];
    assert.deepEqual({ ...last, endpoints: [] }, { ...next, endpoints: [] }, 'its routes would have to be linked anew');
  }
}

function assertShared(before: readonly { readonly id: string }[], after: readonly { readonly id: string }[]): void {
  const known = new Map(before.map((item) => [item.id, item]));
  for (const item of after) {
    const last = known.get(item.id);
    assert.equal(item === last, isDeepStrictEqual(item, last));
  }
}

function assertUnique(values: readonly string[]): void {
  assert.deepEqual([...new Set(values)], values);
}

function reversed(objects: ObjectSnapshot): ObjectSnapshot {
  const ingresses = new Map(
    [...objects.ingresses]
      .toReversed()
      .map(([key, item]) => [
        key,
        { ...item, annotations: Object.fromEntries(Object.entries(item.annotations).toReversed()) },
      ]),
  );
  return {
    ...objects,
    ingresses,
    services: new Map([...objects.services].toReversed()),
    tlsSecrets: new Map([...objects.tlsSecrets].toReversed()),
    endpointSlices: new Map(
      [...objects.endpointSlices].toReversed().map(([key, slices]) => [key, slices.toReversed()]),
    ),
  };
}

/** Maps cannot be frozen, their values can. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const children = value instanceof Map ? value.values() : Object.values(value);
  for (const child of children) deepFreeze(child);
  return value instanceof Map ? value : Object.freeze(value);
}
