/** Arbitrary snapshots of many Ingresses that are right in themselves and fight about hosts, paths, Services and canaries. */
import * as fc from 'fast-check';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { IngressBackend, IngressObject } from '../../src/model/objects.ts';
import { toReleaseRevision } from '../../src/model/release-plan.ts';
import { formatReleaseState } from '../../src/model/release-state.ts';
import { meta, NGINX_PREFIX, service, servicePort, snapshot, tlsSecret } from './fixtures.ts';
import { releaseState } from './release.ts';

export interface Neighbourhood {
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
}

/** Many things that meet at once. */
export const TOWN: Neighbourhood = {
  hosts: ['a.example', 'a.example', 'b.example', 'c.example', ''],
  paths: ['/', '/x', '/y', '/z', '/w'],
};

/** Little but the host is shared, so that what decides for a whole host is seen. */
export const STREET: Neighbourhood = {
  hosts: ['a.example'],
  paths: Array.from({ length: 12 }, (_, i) => `/${i}`),
};

const backends: fc.Arbitrary<IngressBackend> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant('service' as const),
      service: fc.constantFrom('a', 'b', 'c', 'd', 'gone'),
      port: fc.constantFrom(80, 'http'),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'resource' as const, resourceKind: 'Bucket', name: 'files' }) },
);

const PLAN = '5%/10m, 100%';
const STEPS = [
  { percent: 5, holdMs: 600_000 },
  { percent: 100, holdMs: 0 },
];
const STATES = (['running', 'aborted', 'expired'] as const).map((phase) =>
  formatReleaseState(releaseState({ revision: toReleaseRevision(STEPS, ''), phase })),
);

const annotations = fc
  .record({
    [`${NGINX_PREFIX}/canary`]: fc.constantFrom('', '', '', 'true'),
    [`${NGINX_PREFIX}/backend-protocol`]: fc.constantFrom('', '', 'HTTPS'),
    [`${NGINX_PREFIX}/load-balance`]: fc.constantFrom('', '', 'round_robin', 'ewma'),
    'sluice.dev/balancer': fc.constantFrom('', '', '', 'round-robin', 'random', 'least-request'),
    'sluice.dev/health-check-path': fc.constantFrom('', '', '', '/healthz'),
    'sluice.dev/canary-plan': fc.constantFrom('', '', '', PLAN, '5%, 100%'),
    'sluice.dev/canary-state': fc.constantFrom('', '', '', ...STATES, '{}'),
    'sluice.dev/lane': fc.constantFrom('', '', '', 'v1', 'v2', 'not a lane'),
    'sluice.dev/lane-cookie': fc.constantFrom('', '', 'lane', 'not a cookie'),
    'sluice.dev/lane-honour-cookie': fc.constantFrom('', 'true'),
    'sluice.dev/backup-service': fc.constantFrom('', '', '', 'b:80', 'gone:80'),
  })
  .map((written) => Object.fromEntries(Object.entries(written).filter(([, value]) => value !== '')));

export function arbitraryNeighbour({ hosts, paths }: Neighbourhood): fc.Arbitrary<IngressObject> {
  return fc
    .record({
      key: fc.constantFrom('one/a', 'one/b', 'one/c', 'one/d', 'one/e', 'one/f', 'one/g', 'one/h', 'two/a', 'two/b'),
      createdAt: fc.nat(9),
      annotations,
      className: fc.constantFrom('sluice', 'sluice', 'sluice', 'sluice', 'other'),
      defaultBackend: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: backends }),
      rules: fc.array(
        fc.record({
          host: fc.constantFrom(...hosts),
          paths: fc.array(
            fc.record({
              path: fc.constantFrom(...paths),
              pathType: fc.constantFrom('Exact' as const, 'Prefix' as const),
              backend: backends,
            }),
            { maxLength: 2 },
          ),
        }),
        { maxLength: 2 },
      ),
      tls: fc.array(
        fc.record({
          // Mostly for a host that it has, and often with a certificate for another.
          ownHost: fc.nat(2),
          secretName: fc.constantFrom('a', 'b', 'b', 'gone'),
        }),
        { maxLength: 1 },
      ),
    })
    .map(({ key, rules, tls, ...rest }) => ({
      ...meta(key),
      ...rest,
      tls: tls.map(({ ownHost, secretName }, place) => {
        const host = rules[ownHost]?.host ?? '';
        return { place, hosts: host === '' ? [] : [host], secretName };
      }),
      rules: rules.map(({ host, paths: written }, place) => ({
        place,
        host,
        paths: written.map((path, at) => ({ place: at, ...path })),
      })),
    }));
}

export function arbitraryNeighbours(neighbourhood: Neighbourhood): fc.Arbitrary<ObjectSnapshot> {
  const ingresses = fc.uniqueArray(arbitraryNeighbour(neighbourhood), {
    selector: (object) => object.key,
    minLength: 3,
    maxLength: 10,
    size: 'max',
  });
  return ingresses.map((list) =>
    snapshot({
      ingresses: list,
      services: ['one', 'two'].flatMap((namespace) =>
        ['a', 'b', 'c', 'd'].map((name) =>
          service(`${namespace}/${name}`, { ports: [servicePort(80, { name: name === 'd' ? '' : 'http' })] }),
        ),
      ),
      secrets: [tlsSecret('one/a', 'a.example', 'b.example'), tlsSecret('one/b', 'other.example')],
    }),
  );
}
