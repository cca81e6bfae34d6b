/** What the annotations about health checks come to, in whatever order they are read, and what is said of those that do nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readAnnotations, readServiceAnnotations } from '../../src/config/annotations/read-annotations.ts';
import { DEFAULT_HEALTH_CHECK, type HealthCheckConfig } from '../../src/model/health-check.ts';
import { NGINX_PREFIX } from '../support/fixtures.ts';

type Written = Readonly<Record<string, string>>;

/** Keys without `sluice.dev/health-check`. */
function read(written: Written): { readonly check: HealthCheckConfig | null; readonly faults: readonly string[] } {
  const entries = Object.entries(written).map(([key, value]) => [`sluice.dev/health-check${key}`, value] as const);
  const annotations = Object.fromEntries(entries);
  const { settings, faults } = readAnnotations(annotations, NGINX_PREFIX);
  const onService = readServiceAnnotations(annotations);
  assert.deepEqual(onService.settings.healthCheck, settings.upstream.healthCheck, 'a Service says the same');
  assert.deepEqual(onService.faults, faults);
  return {
    check: settings.upstream.healthCheck ?? null,
    faults: faults.map(({ key, message }) => `${key.replace('sluice.dev/health-check', '')}: ${message}`),
  };
}

const EVERYTHING: Written = {
  '': 'https',
  '-path': '/live?deep=1',
  '-port': '8443',
  '-method': 'POST',
  '-host': 'shop.example:8443',
  '-headers': 'X-Probe: a b\n\nAuthorization: Basic eDp5\n',
  '-statuses': '200-299, 404',
  '-body': 'all fine',
  '-server-name': 'Shop.Internal',
  '-verify': 'true',
  '-interval': '1m',
  '-unhealthy-interval': '2.5s',
  '-timeout': '250ms',
  '-unhealthy-after': '1',
  '-healthy-after': '5',
};

test('every annotation is one part of the check', () => {
  const { check, faults } = read(EVERYTHING);
  assert.deepEqual(faults, []);
  assert.deepEqual(check, {
    kind: 'http',
    tls: true,
    serverName: 'shop.internal',
    verify: true,
    port: 8443,
    method: 'POST',
    path: '/live?deep=1',
    host: 'shop.example:8443',
    headers: [
      { name: 'x-probe', value: 'a b' },
      { name: 'authorization', value: 'Basic eDp5' },
    ],
    statuses: [
      { from: 200, to: 299 },
      { from: 404, to: 404 },
    ],
    body: { kind: 'text', value: 'all fine' },
    service: '',
    intervalMs: 60_000,
    unhealthyIntervalMs: 2_500,
    timeoutMs: 250,
    unhealthyAfter: 1,
    healthyAfter: 5,
  });
});

test('the order in which they are written changes nothing, not even the order of the keys', () => {
  const expected = JSON.stringify(read(EVERYTHING).check);
  fc.assert(
    fc.property(
      fc.shuffledSubarray(Object.entries(EVERYTHING), { minLength: Object.keys(EVERYTHING).length }),
      (entries) => {
        assert.equal(JSON.stringify(read(Object.fromEntries(entries)).check), expected);
      },
    ),
  );
});

const kinds: readonly (readonly [written: Written, expected: Partial<HealthCheckConfig> | null])[] = [
  [{ '-path': '/up' }, { path: '/up' }],
  [{ '': 'http' }, { tls: false }],
  [
    { '': 'https', '-path': '/up' },
    { tls: true, path: '/up' },
  ],
  [{ '': 'tcp' }, { kind: 'tcp' }],
  [
    { '': 'grpc', '-service': 'shop.v1.Cart' },
    { kind: 'grpc', service: 'shop.v1.Cart' },
  ],
  [
    { '-path': '/up', '-interval': '2s' },
    { path: '/up', intervalMs: 2_000, unhealthyIntervalMs: 2_000 },
  ],
  [
    { '-path': '/up', '-body-pattern': '^UP$' },
    { path: '/up', body: { kind: 'pattern', value: '^UP$' } },
  ],
  [{ '': '', '-path': ' ' }, null],
  [{}, null],
];

for (const [written, expected] of kinds) {
  test(`${JSON.stringify(written)} is ${expected === null ? 'no check' : JSON.stringify(expected)}`, () => {
    const { check, faults } = read(written);
    assert.deepEqual(faults, []);
    assert.deepEqual(check, expected === null ? null : { ...DEFAULT_HEALTH_CHECK, ...expected });
  });
}

const useless: readonly (readonly [written: Written, faults: readonly string[]])[] = [
  [
    { '-interval': '2s', '-port': '80' },
    ['-interval', '-port'].map(
      (key) => `${key}: has no effect without sluice.dev/health-check or sluice.dev/health-check-path`,
    ),
  ],
  [{ '-path': '/', '-service': 'x' }, ['-service: has no effect without sluice.dev/health-check: grpc']],
  [{ '': 'tcp', '-path': '/', '-port': '81' }, ['-path: has no effect with sluice.dev/health-check: tcp']],
  [
    { '': 'grpc', '-statuses': '200', '-verify': 'true' },
    ['-statuses: has no effect with sluice.dev/health-check: grpc'],
  ],
  [{ '': 'http', '-server-name': 'x' }, ['-server-name: has no effect with sluice.dev/health-check: http']],
  [
    { '-path': '/', '-body': 'a', '-body-pattern': 'b' },
    ['-body-pattern: has no effect next to sluice.dev/health-check-body'],
  ],
  [{ '-path': '/', '-timeout': '9s' }, ['-timeout: is longer than the interval, so 5000 ms count']],
];

for (const [written, faults] of useless) {
  test(`${JSON.stringify(written)}: ${faults.join('; ')}`, () => {
    assert.deepEqual(read(written).faults, faults);
  });
}

const invalid: readonly (readonly [key: string, value: string, expected: RegExp])[] = [
  ['', 'udp', /expected one of http, https, tcp, grpc/],
  ['', 'HTTP', /expected one of/],
  ['-path', 'healthz', /expected a path that starts with `\/`/],
  ['-path', '/a b', /expected a path/],
  ['-path', '/\r\nX: y', /expected a path/],
  ['-port', '0', /expected a whole number from 1 to 65535/],
  ['-port', '65536', /expected a whole number from 1 to 65535/],
  ['-method', 'DELETE', /expected one of GET, HEAD, OPTIONS, POST/],
  ['-host', 'a\r\nb: c', /expected a host name/],
  ['-headers', 'no colon', /expected lines like/],
  ['-headers', 'X-A: b\r\rX-B: c', /expected a header value/],
  ['-headers', 'X A: b', /expected the name of a header/],
  ['-headers', 'Transfer-Encoding: chunked', /the header Transfer-Encoding cannot be set/],
  ['-headers', 'Host: x', /the header Host cannot be set/],
  ['-headers', Array.from({ length: 33 }, (_, index) => `x${index}: y`).join('\n'), /at most 32 headers/],
  ['-statuses', '200-', /expected statuses from 100 to 599/],
  ['-statuses', '299-200', /expected statuses/],
  ['-statuses', '600', /expected statuses/],
  ['-body-pattern', '(', /expected a regular expression in RE2 syntax/],
  ['-body-pattern', '(a{50}){50}', /steps for each character; at most 100/],
  ['-service', 'a b', /expected the name of a gRPC service/],
  ['-server-name', 'a b', /expected a host name/],
  ['-verify', 'perhaps', /expected true or false/],
  ['-interval', '10ms', /expected a duration from 1000 ms to 3600 s/],
  ['-interval', '5', /expected a duration/],
  ['-timeout', '31s', /expected a duration from 10 ms to 30 s/],
  ['-unhealthy-after', '0', /expected a whole number from 1 to 100/],
];

for (const [key, value, expected] of invalid) {
  test(`health-check${key} ${JSON.stringify(value.slice(0, 40))} is refused and the rest of the check stays`, () => {
    const kind = key === '-service' ? 'grpc' : 'https';
    const { check, faults } = read(key === '' ? { '-path': '/', '': value } : { '': kind, [key]: value });
    assert.match(faults[0] ?? '', expected);
    assert.equal(faults.length, 1);
    assert.equal(check?.path ?? '/', '/');
    assert.notEqual(check, null);
  });
}
