/** What admission says of an Ingress is what the compiler says of it among all others, for any objects. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { IngressIndex } from '../../src/admission/ingress-index.ts';
import { type Cluster, judgeIngress } from '../../src/admission/judge-ingress.ts';
import { isCanary, mayClaimUpstreams } from '../../src/config/annotation-traits.ts';
import { readAnnotations } from '../../src/config/annotations/read-annotations.ts';
import { compile } from '../../src/config/compile.ts';
import { isOurs } from '../../src/config/ingress-class.ts';
import type { CompileSettings } from '../../src/model/compile-settings.ts';
import { formatRef } from '../../src/model/object-ref.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { IngressObject } from '../../src/model/objects.ts';
import type { Problem } from '../../src/model/problem.ts';
import { arbitraryNeighbour, arbitraryNeighbours, STREET, TOWN } from '../support/arbitrary-neighbours.ts';
import { arbitraryIngress, arbitrarySnapshot } from '../support/arbitrary-snapshot.ts';
import { NGINX_PREFIX, settings } from '../support/fixtures.ts';

const NUM_RUNS = 200;

const arbitrarySettings = fc
  .record({
    takeEveryIngress: fc.boolean(),
    watchIngressWithoutClass: fc.boolean(),
    defaultBackendService: fc.constantFrom('', 'one/a', 'gone/gone'),
  })
  .map(settings);

/** Objects of all kinds, or many Ingresses that differ in little. */
const arbitraryChange = fc.oneof(
  fc.record({ snapshot: arbitraryNeighbours(TOWN), ingress: arbitraryNeighbour(TOWN) }),
  fc.record({ snapshot: arbitraryNeighbours(STREET), ingress: arbitraryNeighbour(STREET) }),
  fc.record({ snapshot: arbitrarySnapshot, ingress: arbitraryIngress }),
);

function clusterOf(snapshot: ObjectSnapshot, flags: CompileSettings): Cluster {
  const index = new IngressIndex(flags.annotationsPrefix);
  index.update(snapshot.ingresses);
  return { snapshot, index, settings: flags };
}

function withIngress(snapshot: ObjectSnapshot, ingress: IngressObject): ObjectSnapshot {
  return { ...snapshot, ingresses: new Map([...snapshot.ingresses, [ingress.key, ingress]]) };
}

function toText({ source, field, code, severity, message }: Problem): string {
  return [formatRef(source), field, code, severity, message].join(' | ');
}

function sorted(problems: readonly Problem[]): readonly string[] {
  return problems.map(toText).toSorted();
}

function isAbout(ingress: IngressObject): (problem: Problem) => boolean {
  return ({ source }) => formatRef(source) === `Ingress ${ingress.key}`;
}

test('what is said of an ingress is what a compile of everything says of it', () => {
  fc.assert(
    fc.property(arbitraryChange, arbitrarySettings, ({ snapshot, ingress }, flags) => {
      const before = snapshot.ingresses.get(ingress.key) ?? null;
      const { ours, faults, doubts } = judgeIngress(clusterOf(snapshot, flags), {
        before: before === null ? null : { value: before, problems: [] },
        after: { value: ingress, problems: [] },
      });
      assert.equal(ours, isOurs(ingress, snapshot.ingressClasses, flags));
      const expected = compile(withIngress(snapshot, ingress), flags).problems.filter(isAbout(ingress));
      // What is wrong in itself is told as well where somebody else's claim hides it from the compiler.
      const refused = new Set(sorted(faults));
      assert.deepEqual(
        sorted(doubts),
        sorted(expected).filter((text) => !refused.has(text)),
      );
    }),
    { numRuns: NUM_RUNS },
  );
});

test('what is said of others is what a compile of everything newly says of their paths and canaries', () => {
  fc.assert(
    fc.property(arbitraryChange, arbitrarySettings, ({ snapshot, ingress }, flags) => {
      const before = snapshot.ingresses.get(ingress.key) ?? null;
      const { consequences } = judgeIngress(clusterOf(snapshot, flags), {
        before: before === null ? null : { value: before, problems: [] },
        after: { value: ingress, problems: [] },
      });
      const known = new Set(sorted(compile(snapshot, flags).problems));
      const expected = compile(withIngress(snapshot, ingress), flags)
        .problems.filter(({ code }) => code === 'path-conflict' || code === 'canary-invalid')
        .filter((problem) => !isAbout(ingress)(problem) && !known.has(toText(problem)));
      assert.deepEqual(sorted(consequences), sorted(expected));
    }),
    { numRuns: NUM_RUNS },
  );
});

test('a fault is a fault in an empty cluster, and was none before', () => {
  fc.assert(
    fc.property(arbitraryChange, arbitrarySettings, ({ snapshot, ingress }, flags) => {
      const after = { value: ingress, problems: [] };
      const { faults } = judgeIngress(clusterOf(snapshot, flags), { before: null, after });
      const alone = { ...snapshot, ingresses: new Map([[ingress.key, ingress]]) };
      const rejected = new Set(
        sorted(compile(alone, flags).problems.filter(({ severity }) => severity === 'rejected')),
      );
      for (const fault of faults) assert.ok(rejected.has(toText(fault)), toText(fault));
      const again = judgeIngress(clusterOf(snapshot, flags), { before: after, after });
      assert.deepEqual(again.faults, []);
    }),
    { numRuns: NUM_RUNS },
  );
});

test('an index that follows snapshots equals one that is made anew', () => {
  fc.assert(
    fc.property(fc.array(arbitrarySnapshot, { minLength: 2, maxLength: 4 }), (snapshots) => {
      const following = new IngressIndex(NGINX_PREFIX);
      for (const { ingresses } of snapshots) following.update(ingresses);
      const fresh = new IngressIndex(NGINX_PREFIX);
      const last = snapshots.at(-1)?.ingresses ?? new Map<string, IngressObject>();
      fresh.update(last);
      for (const ingress of snapshots.flatMap(({ ingresses }) => [...ingresses.values()])) {
        const { hosts, routes, claims } = fresh.describe(ingress);
        for (const host of hosts) assertSame(following.onHost(host), fresh.onHost(host));
        for (const route of routes) assertSame(following.onRoute(route), fresh.onRoute(route));
        for (const service of claims) assertSame(following.claimantsOf(service), fresh.claimantsOf(service));
      }
    }),
  );
});

test('traits of annotations are what reading all of them finds', () => {
  fc.assert(
    fc.property(arbitraryIngress, ({ annotations }) => {
      const { settings: read } = readAnnotations(annotations, NGINX_PREFIX);
      assert.equal(isCanary(annotations, NGINX_PREFIX), read.canary.enabled);
      if (Object.keys(read.upstream).length > 0) assert.ok(mayClaimUpstreams(annotations, NGINX_PREFIX));
    }),
  );
});

function assertSame(
  a: ReadonlySet<{ readonly object: IngressObject }>,
  b: ReadonlySet<{ readonly object: IngressObject }>,
): void {
  const keys = (set: typeof a): readonly string[] => [...set].map(({ object }) => object.key).toSorted();
  assert.deepEqual(keys(a), keys(b));
}
