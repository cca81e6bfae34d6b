/** Arbitrary snapshots for property tests: few names, so that objects refer to each other, fight and fail. */
import * as fc from 'fast-check';
import { ANNOTATIONS } from '../../src/config/annotations/index.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type {
  EndpointSliceObject,
  IngressBackend,
  IngressObject,
  ServiceObject,
  TlsSecretObject,
} from '../../src/model/objects.ts';
import {
  brokenSecret,
  ingressClass,
  meta,
  NGINX_PREFIX,
  service,
  servicePort,
  slice,
  sliceEndpoint,
  slicePort,
  snapshot,
  tlsSecret,
} from './fixtures.ts';

const namespaces = fc.constantFrom('one', 'two');
const names = fc.constantFrom('a', 'b', 'c');
const keys = fc.tuple(namespaces, names).map(([namespace, name]) => `${namespace}/${name}`);
const hosts = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('', 'a.example', 'A.example', '*.example', 'b.example') },
  { weight: 1, arbitrary: fc.string({ maxLength: 5 }) },
);
const paths = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('', '/', '/x', '/x/', '/%78', '/x/../y', '/..', '/%zz') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }).map((text) => `/${text}`) },
);
const ports = fc.constantFrom<number | string>(80, 'http', 'web', 8080, 53);

const backends: fc.Arbitrary<IngressBackend> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('service' as const), service: names, port: ports }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'resource' as const, resourceKind: 'Bucket', name: 'files' }) },
);

const annotationKeys = fc.oneof(
  fc.constantFrom(...ANNOTATIONS.map((spec) => `${NGINX_PREFIX}/${spec.key}`)),
  fc.constantFrom(
    `${NGINX_PREFIX}/auth-url`,
    `${NGINX_PREFIX}/use-regex`,
    'sluice.dev/x',
    'kubernetes.io/ingress.class',
    `${NGINX_PREFIX}/__proto__`,
  ),
  fc.string({ maxLength: 12 }).map((text) => `${NGINX_PREFIX}/${text}`),
);
const annotationValues = fc.oneof(
  fc.constantFrom('true', 'true', 'false', '10', '-1', '', 'sluice', '(', 'X-Canary', '1m'),
  fc.string({ unit: 'binary', maxLength: 10 }),
);

export const arbitraryIngress: fc.Arbitrary<IngressObject> = fc
  .record({
    key: keys,
    createdAt: fc.integer({ min: 0, max: 2 }),
    annotations: fc.dictionary(annotationKeys, annotationValues, { maxKeys: 4 }),
    className: fc.constantFrom('sluice', 'sluice', 'other', null),
    defaultBackend: fc.option(backends, { freq: 3 }),
    rules: fc.array(
      fc.record({
        place: fc.nat(3),
        host: hosts,
        paths: fc.option(
          fc.array(
            fc.record({
              place: fc.nat(3),
              path: paths,
              pathType: fc.constantFrom('Exact' as const, 'Prefix' as const, 'ImplementationSpecific' as const),
              backend: backends,
            }),
            { maxLength: 3 },
          ),
          { freq: 8 },
        ),
      }),
      { maxLength: 3 },
    ),
    tls: fc.array(
      fc.record({
        place: fc.nat(3),
        hosts: fc.array(hosts, { maxLength: 2 }),
        secretName: fc.constantFrom('', 'a', 'b'),
      }),
      {
        maxLength: 2,
      },
    ),
  })
  .map(({ key, ...rest }) => ({ ...meta(key), ...rest }));

const services: fc.Arbitrary<ServiceObject> = fc
  .record({
    key: keys,
    externalName: fc.constantFrom('', '', '', 'api.example.com', 'localhost', '127.1', '10.0.0.300', '::1'),
    families: fc.constantFrom<('IPv4' | 'IPv6')[]>([], ['IPv4'], ['IPv6', 'IPv4']),
    portNames: fc.subarray(['', 'http', 'dns']),
  })
  .map(({ key, externalName, families, portNames }) =>
    service(key, {
      type: externalName === '' ? 'ClusterIP' : 'ExternalName',
      externalName,
      ipFamilies: families,
      ports: portNames.map((name) =>
        name === 'dns'
          ? servicePort(53, { name, protocol: 'UDP' })
          : servicePort(80, { name, targetPort: name === '' ? '8080' : 'web' }),
      ),
    }),
  );

export const arbitrarySlices: fc.Arbitrary<readonly EndpointSliceObject[]> = fc.array(
  fc
    .record({
      key: keys,
      resourceVersion: fc.constantFrom('', '9', '10', '100'),
      family: fc.constantFrom('IPv4' as const, 'IPv6' as const),
      portNames: fc.subarray(['', 'http']),
      portNumber: fc.constantFrom(8080, 8081, 0),
      endpoints: fc.array(
        fc.record({
          host: fc.integer({ min: 1, max: 4 }),
          ready: fc.boolean(),
          serving: fc.boolean(),
          terminating: fc.boolean(),
          hintZones: fc.subarray(['a', 'b'], { minLength: 1 }),
        }),
        { maxLength: 4 },
      ),
    })
    .map(({ key, resourceVersion, family, portNames, portNumber, endpoints }) =>
      slice(
        key,
        endpoints.map(({ host, ...conditions }) =>
          sliceEndpoint(family === 'IPv4' ? `10.0.0.${host}` : `2001:db8::${host}`, conditions),
        ),
        { resourceVersion, addressType: family, ports: portNames.map((name) => slicePort(portNumber, { name })) },
      ),
    ),
  { maxLength: 6 },
);

const secrets: fc.Arbitrary<TlsSecretObject> = fc
  .tuple(keys, fc.constantFrom('a.example', '*.example', 'other', null))
  .map(([key, name]) => (name === null ? brokenSecret(key, 'has no tls.key') : tlsSecret(key, name)));

export const arbitrarySnapshot: fc.Arbitrary<ObjectSnapshot> = fc
  .record({
    ingresses: fc.uniqueArray(arbitraryIngress, { selector: (object) => object.key, maxLength: 6 }),
    services: fc.array(services, { maxLength: 6 }),
    slices: arbitrarySlices,
    secrets: fc.array(secrets, { maxLength: 3 }),
    classes: fc.constantFrom(null, [], [ingressClass('sluice', 'sluice.dev/ingress-controller')]),
  })
  .map((parts) => snapshot(parts));
