/** How a Service and port become endpoints, where a golden case would say too little. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ResolvedBackend, resolveBackend } from '../../src/config/backend.ts';
import { externalNameFault } from '../../src/config/external-name.ts';
import type { ServiceObject } from '../../src/model/objects.ts';
import { service, servicePort, slice, sliceEndpoint, slicePort, snapshot } from '../support/fixtures.ts';

function resolve(part: Partial<ServiceObject>, port: number | string, ports = [slicePort(8080)]): ResolvedBackend {
  const objects = snapshot({
    services: [service('shop/main', part)],
    slices: [slice('shop/main', ['10.0.0.1'], { ports })],
  });
  return resolveBackend(objects, { namespace: 'shop', service: 'main', port });
}

const endpoint = (port: number): unknown => [{ address: '10.0.0.1', port, weight: 1 }];

test('a port meant by its number never loses to another port that leads there', () => {
  const ports = [
    servicePort(8080, { name: 'a', targetPort: '80' }),
    servicePort(80, { name: 'b', targetPort: '9000' }),
  ];
  const inSlice = [slicePort(80, { name: 'a' }), slicePort(9000, { name: 'b' })];
  assert.deepEqual(resolve({ ports }, 80, inSlice).endpoints, endpoint(9000));
});

test('a number is found as text, and a name that looks like one too', () => {
  assert.deepEqual(resolve({}, '80').endpoints, endpoint(8080));
});

test('the unnamed port does not answer to the empty name', () => {
  assert.equal(resolve({}, '').fault?.code, 'port-not-found');
});

test('a UDP port of the same number and name is passed over', () => {
  const ports = [servicePort(53, { name: 'dns', protocol: 'UDP' }), servicePort(53, { name: 'dns-tcp' })];
  const inSlice = [slicePort(5353, { name: 'dns-tcp', protocol: 'UDP' }), slicePort(53, { name: 'dns-tcp' })];
  assert.deepEqual(resolve({ ports }, 53, inSlice).endpoints, endpoint(53));
});

test('a headless service works like any other', () => {
  assert.deepEqual(resolve({ clusterIP: 'None' }, 80).endpoints, endpoint(8080));
});

test('a service without any ready endpoint has no fault, only no endpoints', () => {
  const objects = snapshot({ services: [service('shop/main')] });
  const resolved = resolveBackend(objects, { namespace: 'shop', service: 'main', port: 80 });
  assert.deepEqual(resolved, { endpoints: [], fault: null });
});

test('one address counts once, however often a slice has it, and ready if it is ready anywhere', () => {
  const notReady = sliceEndpoint('10.0.0.1', { ready: false, serving: false });
  const objects = snapshot({
    services: [service('shop/main')],
    slices: [slice('shop/main', [notReady, '10.0.0.1', notReady, '10.0.0.1'])],
  });
  assert.deepEqual(resolveBackend(objects, { namespace: 'shop', service: 'main', port: 80 }).endpoints, endpoint(8080));
});

test('the second address family is used where the first has nothing ready', () => {
  const draining = sliceEndpoint('10.0.0.1', { ready: false, terminating: true });
  const objects = snapshot({
    services: [service('shop/main', { ipFamilies: ['IPv4', 'IPv6'] })],
    slices: [slice('shop/main', [draining]), slice('shop/main', ['2001:db8::1'], { addressType: 'IPv6' })],
  });
  const { endpoints } = resolveBackend(objects, { namespace: 'shop', service: 'main', port: 80 });
  assert.deepEqual(endpoints, [{ address: '2001:db8::1', port: 8080, weight: 1 }]);
});

test('what serves while it terminates is listed beside the ready ones, marked as draining', () => {
  const draining = sliceEndpoint('10.0.0.2', { ready: false, terminating: true });
  const gone = sliceEndpoint('10.0.0.3', { ready: false, serving: false, terminating: true });
  const objects = snapshot({
    services: [service('shop/main')],
    slices: [slice('shop/main', ['10.0.0.1', draining, gone])],
  });
  const { endpoints } = resolveBackend(objects, { namespace: 'shop', service: 'main', port: 80 });
  assert.deepEqual(endpoints, [
    { address: '10.0.0.1', port: 8080, weight: 1 },
    { address: '10.0.0.2', port: 8080, weight: 1, draining: true },
  ]);
});

interface ZoneCase {
  readonly name: string;
  /** Zones the endpoints are hinted for, with blanks between; `draining` beside what is not ready. */
  readonly hints: readonly string[];
  readonly zone: string;
  /** Last numbers of the addresses of those that are left for other zones. */
  readonly others: readonly number[];
}

const zoneCases: readonly ZoneCase[] = [
  { name: 'without a zone of our own hints do not count', hints: ['a', 'b'], zone: '', others: [] },
  { name: 'endpoints for our zone are preferred', hints: ['a', 'b', 'a', 'c'], zone: 'a', others: [2, 4] },
  { name: 'an endpoint may be for several zones', hints: ['a b', 'b', 'c b'], zone: 'b', others: [] },
  { name: 'one ready endpoint without hints switches them off', hints: ['a', 'b', ''], zone: 'a', others: [] },
  { name: 'no endpoint for our zone switches them off', hints: ['b', 'c'], zone: 'a', others: [] },
  { name: 'zones are compared whole', hints: ['aa', 'b'], zone: 'a', others: [] },
  { name: 'what drains needs no hints', hints: ['a', 'b', 'draining'], zone: 'a', others: [2] },
  { name: 'what drains makes no zone ours', hints: ['draining a', 'b'], zone: 'a', others: [] },
];

for (const c of zoneCases) {
  test(`zone: ${c.name}`, () => {
    const endpoints = c.hints.map((hint, index) => {
      const words = hint.split(' ').filter((word) => word !== '');
      const draining = words[0] === 'draining';
      const hintZones = draining ? words.slice(1) : words;
      return sliceEndpoint(`10.0.0.${index + 1}`, { ready: !draining, terminating: draining, hintZones });
    });
    const objects = snapshot({ services: [service('shop/main')], slices: [slice('shop/main', endpoints)] });
    const resolved = resolveBackend(objects, { namespace: 'shop', service: 'main', port: 80 }, c.zone).endpoints;
    assert.equal(resolved.length, c.hints.length);
    const others = resolved.filter((address) => address.otherZone === true);
    assert.deepEqual(
      others.map(({ address }) => address),
      c.others.map((number) => `10.0.0.${number}`),
    );
  });
}

interface ExternalCase {
  readonly name: string;
  readonly ports: ServiceObject['ports'];
  readonly port: number | string;
  readonly expected: number | 'port-not-found';
}

const externalCases: readonly ExternalCase[] = [
  { name: 'without ports the number is the port', ports: [], port: 8443, expected: 8443 },
  { name: 'without ports a name leads nowhere', ports: [], port: 'https', expected: 'port-not-found' },
  { name: 'a named port is looked up', ports: [servicePort(443, { name: 'https' })], port: 'https', expected: 443 },
  { name: 'a numeric targetPort counts', ports: [servicePort(80, { targetPort: '8080' })], port: 80, expected: 8080 },
  { name: 'a named targetPort does not', ports: [servicePort(80, { targetPort: 'web' })], port: 80, expected: 80 },
  { name: 'a port that is not listed is not found', ports: [servicePort(80)], port: 81, expected: 'port-not-found' },
  {
    name: 'a targetPort out of range is refused',
    ports: [servicePort(80, { targetPort: '70000' })],
    port: 80,
    expected: 'port-not-found',
  },
];

for (const c of externalCases) {
  test(`external name: ${c.name}`, () => {
    const { endpoints, fault } = resolve(
      { type: 'ExternalName', externalName: 'api.example.com', ports: c.ports },
      c.port,
    );
    assert.equal(fault?.code ?? endpoints[0]?.port, c.expected);
    assert.equal(endpoints.length, fault === null ? 1 : 0);
  });
}

for (const name of ['api.example.com', 'API.example.com.', '192.0.2.7', 'a', '_svc.example.com', '1.example']) {
  test(`external name ${name} is usable`, () => assert.equal(externalNameFault(name), null));
}

const refused = [
  '',
  '.',
  'localhost',
  'LOCALHOST.',
  'api.localhost',
  'a b',
  '::1',
  '[::1]',
  'http://x',
  'a..b',
  '-a.example',
  '127.0.0.1',
  '127.1',
  '0x7f000001',
  '0x7f.1',
  '2130706433',
  '017700000001',
  '0.0.0.0',
  '169.254.169.254',
  '10.0.0.256',
  '1.2.3',
  '1.2.3.4.5',
  `${'a'.repeat(64)}.example`,
  'a.'.repeat(128),
];

for (const name of refused) {
  test(`external name "${name.slice(0, 20)}" is refused`, () => assert.notEqual(externalNameFault(name), null));
}
