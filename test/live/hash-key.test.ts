/** What a hash key is made of, variable by variable, and which templates are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { HashKey, type KeyClient, type KeyRequest } from '../../src/live/hash-key.ts';
import { crc32 } from '../../src/model/crc32.ts';
import { KEY_VARIABLES, parseKeyTemplate } from '../../src/model/key-template.ts';
import { requestFacts } from '../support/request-facts.ts';

interface Given {
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly client?: Partial<KeyClient>;
}

const client: KeyClient = {
  clientIp: '203.0.113.9',
  secure: true,
  port: 8443,
  routingHost: 'shop.example',
  addresses: { sourcePort: 4711 },
  told: null,
};

function keyRequest({ target = '/cart/7?user=ann&b=2', headers = {} }: Given): KeyRequest {
  const question = target.indexOf('?');
  const pathEnd = question === -1 ? target.length : question;
  return { ...requestFacts({ method: 'PUT', headers }), target, pathEnd, host: 'Shop.Example:8443' };
}

function textOf(template: string, given: Given = {}): string {
  return new HashKey(template).textOf(keyRequest(given), { ...client, ...given.client }, 'id-1');
}

const CASES: readonly (readonly [template: string, expected: string, given?: Given])[] = [
  ['$request_uri', '/cart/7?user=ann&b=2'],
  ['$uri', '/cart/7'],
  ['$uri', '/a b/\xc3\xa4', { target: '/a%20b/%C3%A4' }],
  ['$args', 'user=ann&b=2'],
  ['$args', '', { target: '/cart' }],
  ['$query_string', 'user=ann&b=2'],
  ['$uri$is_args$args', '/cart/7?user=ann&b=2'],
  ['$uri$is_args$args', '/cart', { target: '/cart?' }],
  ['$arg_user', 'ann'],
  ['$arg_USER', 'ann'],
  ['$arg_user', 'a%20b', { target: '/?x=1&User=a%20b&user=2' }],
  ['$arg_user', '', { target: '/?user&users=1&xuser=2' }],
  ['$arg_b', '2'],
  ['$host', 'shop.example'],
  ['$http_host', 'Shop.Example:8443'],
  ['$best_http_host', 'Shop.Example:8443'],
  ['$http_x_user', 'ann', { headers: { 'x-user': 'ann' } }],
  ['$http_X_User', 'ann', { headers: { 'x-user': 'ann' } }],
  ['$http_x_user', ''],
  ['$cookie_sid', 'b', { headers: { cookie: 'a=1; SID=b; sid=c' } }],
  ['$cookie_sid', ''],
  ['$scheme', 'https'],
  ['$scheme', 'http', { client: { secure: false } }],
  ['$pass_access_scheme', 'https'],
  ['$request_method', 'PUT'],
  ['$remote_addr', '203.0.113.9'],
  ['$binary_remote_addr', '\xcb\x00\x71\x09'],
  ['$binary_remote_addr', ' \x01\r\xb8' + '\0'.repeat(11) + '\x01', { client: { clientIp: '2001:db8::1' } }],
  ['$remote_port', '4711'],
  ['$remote_port', '', { client: { addresses: null } }],
  ['$remote_user', 'ann', { headers: { authorization: 'Basic YW5uOnNlY3JldA==' } }],
  ['$remote_user', '', { headers: { authorization: 'Bearer YW5uOnNlY3JldA==' } }],
  ['$server_port', '8443'],
  ['$request_id', 'id-1'],
  ['$req_id', 'id-1'],
  ['v1-${arg_user}x$arg_b', 'v1-annx2'],
  ['${host}', 'shop.example'],
];

for (const [template, expected, given] of CASES) {
  test(`${template} is ${JSON.stringify(expected)}${given === undefined ? '' : ` of ${JSON.stringify(given)}`}`, () => {
    assert.equal(textOf(template, given), expected);
  });
}

test('every variable can be read', () => {
  for (const name of KEY_VARIABLES) assert.equal(typeof textOf(`$${name}`), 'string', name);
});

test('the key is the crc32 of the text', () => {
  const key = new HashKey('$remote_addr').of(keyRequest({}), client, '');
  assert.equal(key >>> 0, crc32('203.0.113.9'));
});

for (const [template, complaint] of [
  ['', 'printable'],
  ['a'.repeat(257), 'at most 256'],
  ['$uri\n', 'printable'],
  ['request_uri', 'expected a variable such as $request_uri'],
  ['$', 'behind each $'],
  ['${uri', 'behind each $'],
  ['${}$uri', 'behind each $'],
  ['$nothing', '$nothing is no variable that a request has; expected one of $args, '],
  ['$upstream_addr', '$upstream_addr is no variable'],
  ['$arg_', '$arg_ is no variable'],
  ['$uri '.repeat(20), 'at most 16'],
] as const) {
  test(`template ${JSON.stringify(template.slice(0, 20))} is refused: ${complaint}`, () => {
    const parsed = parseKeyTemplate(template);
    assert.ok('problem' in parsed && parsed.problem.includes(complaint), JSON.stringify(parsed));
  });
}

test('whatever the template and the target: a reason or a key, never an error', () => {
  const piece = fc.oneof(fc.constantFrom('$', '{', '}', '${', '$uri', '${args}', '$arg_a', '$http_', 'x'), fc.string());
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), fc.string(), (pieces, tail) => {
      const template = pieces.join('');
      if ('problem' in parseKeyTemplate(template)) return;
      assert.equal(typeof textOf(template, { target: `/${tail}` }), 'string');
    }),
  );
});
