/** How annotation texts are read, and what is said about those that cannot be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boolean, integer, name, seconds, size } from '../../src/config/annotations/parsers.ts';
import { readAnnotations } from '../../src/config/annotations/read-annotations.ts';
import { suggestName } from '../../src/config/annotations/suggest.ts';
import { NGINX_PREFIX } from '../support/fixtures.ts';

const INVALID = 'invalid';
type Parser = (text: string) => { readonly value: unknown } | { readonly problem: string };

const parserCases: readonly (readonly [parser: Parser, label: string, text: string, expected: unknown])[] = [
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].map((text) => [boolean, 'boolean', text, true] as const),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text) => [boolean, 'boolean', text, false] as const),
  ...['yes', 'on', 'tRUE', ' true', ''].map((text) => [boolean, 'boolean', text, INVALID] as const),
  [integer(), 'integer', '10', 10],
  [integer(), 'integer', '+10', 10],
  [integer(), 'integer', '-10', -10],
  [integer(), 'integer', '007', 7],
  ...[' 10', '10 ', '1.0', '1e3', '0x10', '', '-', '99999999999999999999'].map(
    (text) => [integer(), 'integer', text, INVALID] as const,
  ),
  [integer({ min: 0 }), 'integer from 0', '-1', INVALID],
  [seconds, 'seconds', '60', 60_000],
  [seconds, 'seconds', '36000000', 2_147_483_000],
  ...['0', '-1', '5s', '1.5'].map((text) => [seconds, 'seconds', text, INVALID] as const),
  [size, 'size', '0', 0],
  [size, 'size', '100b', 100],
  [size, 'size', '8k', 8192],
  [size, 'size', ' 1m ', 1_048_576],
  [size, 'size', '2G', 2_147_483_648],
  ...['', 'm', '1t', '1 m', '-1', '99999999999g'].map((text) => [size, 'size', text, INVALID] as const),
  [name, 'name', ' X-User ', 'X-User'],
  [name, 'name', 'a.b_c~/:1', 'a.b_c~/:1'],
  ...['a b', 'a\nb', 'a=b', 'ä'].map((text) => [name, 'name', text, INVALID] as const),
];

for (const [parser, label, text, expected] of parserCases) {
  test(`${label} ${JSON.stringify(text)} is ${String(expected)}`, () => {
    const parsed = parser(text);
    assert.equal('value' in parsed ? parsed.value : INVALID, expected);
  });
}

const KNOWN = ['canary-weight', 'canary-by-header', 'proxy-body-size', 'use-regex'];
const suggestions: readonly (readonly [unknown: string, expected: string | null])[] = [
  ['canary-wieght', 'canary-weight'],
  ['proxy-bodysize', 'proxy-body-size'],
  ['canary_by_header', 'canary-by-header'],
  ['use-regexp', 'use-regex'],
  ['hsts', null],
  ['x', null],
  ['', null],
  ['c'.repeat(1000), null],
];

for (const [unknown, expected] of suggestions) {
  test(`${expected} is suggested for "${unknown.slice(0, 20)}"`, () => {
    assert.equal(suggestName(unknown, KNOWN), expected);
  });
}

const read = (annotations: Readonly<Record<string, string>>): ReturnType<typeof readAnnotations> =>
  readAnnotations(
    Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`${NGINX_PREFIX}/${key}`, value])),
    NGINX_PREFIX,
  );

for (const key of [
  'auth-url',
  'auth-tls-verify-client',
  'satisfy',
  'whitelist-source-range',
  'server-snippet',
  'block-x',
  'auth-ur',
]) {
  test(`${key} closes the routes`, () => {
    const { settings, faults } = read({ [key]: 'x' });
    assert.equal(settings.policy.closed?.status, 503);
    assert.deepEqual(
      faults.map((fault) => [fault.code, fault.severity]),
      [['security-unsupported', 'rejected']],
    );
  });
}

for (const [key, text] of [
  ['auth-url', ''],
  ['enable-modsecurity', 'false'],
  ['limit-rps', '5'],
  ['stream-snippet', 'x'],
] as const) {
  test(`${key}: "${text}" does not close the routes`, () => {
    assert.equal(read({ [key]: text }).settings.policy.closed, null);
  });
}

test('a switch with an unreadable value closes the routes', () => {
  assert.equal(read({ 'enable-modsecurity': 'off' }).settings.policy.closed?.status, 503);
});

test('another prefix makes the nginx names mean nothing', () => {
  const { settings, faults } = readAnnotations(
    { [`${NGINX_PREFIX}/auth-url`]: 'x', 'my.example/canary': 'true' },
    'my.example',
  );
  assert.equal(settings.policy.closed, null);
  assert.equal(settings.canary.enabled, true);
  assert.deepEqual(faults, []);
});

test('a thousand unknown names are reported, and only a few compared with the known ones', () => {
  const annotations = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`canary-wei${i}ght`, '']));
  const { faults } = read(annotations);
  assert.equal(faults.length, 1000);
  assert.ok(faults.filter((fault) => fault.message.includes('did you mean')).length <= 16);
});

test('a pattern longer than the limit is refused', () => {
  const { settings, faults } = read({ canary: 'true', 'canary-by-header-pattern': 'a'.repeat(257) });
  assert.equal(settings.canary.headerPattern, '');
  assert.equal(faults[0]?.code, 'annotation-invalid');
});

test('a password in an address is not repeated where the value is', () => {
  const { faults } = readAnnotations(
    { [`${NGINX_PREFIX}/mirror-target`]: 'ftp://user:geheim@mirror.example/x' },
    NGINX_PREFIX,
  );
  assert.equal(faults.length, 1);
  assert.match(faults[0]?.message ?? '', /value "ftp:\/\/…@mirror\.example\/x" is not valid/);
});

function readFaults(annotations: Readonly<Record<string, string>>): readonly string[] {
  return read(annotations).faults.map(({ severity, key, message }) => `${severity} ${key} ${message}`);
}

test('a session cookie that browsers drop because of its name is warned of, where there is one', () => {
  const cookie = { affinity: 'cookie', 'session-cookie-name': '__Host-S', 'session-cookie-secure': 'true' };
  assert.deepEqual(readFaults(cookie), []);
  const [fault = '', ...others] = readFaults({ ...cookie, 'session-cookie-domain': 'a.example' });
  assert.match(fault, /^warning nginx.ingress.kubernetes.io\/session-cookie-name browsers drop cookies/);
  assert.deepEqual(others, []);
  assert.match(readFaults({ ...cookie, 'session-cookie-path': '/shop' }).join(), /path is not \//);
});
