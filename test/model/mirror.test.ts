/** Which URLs requests can be mirrored to, and what is said about others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMirrorHost, parseMirrorTarget } from '../../src/model/mirror.ts';

const TARGETS: readonly (readonly [text: string, origin: string, target: string, authority: string])[] = [
  ['https://shadow.example$request_uri', 'https://shadow.example', '$request_uri', 'shadow.example'],
  ['http://shadow.example:8080${request_uri}', 'http://shadow.example:8080', '${request_uri}', 'shadow.example:8080'],
  ['http://10.0.0.1:80/a?b=$arg_c', 'http://10.0.0.1', '/a?b=$arg_c', '10.0.0.1'],
  ['HTTPS://Shadow_1.Example:443', 'https://shadow_1.example', '/', 'shadow_1.example'],
  ['http://[2001:db8::1]:81?x', 'http://[2001:db8::1]:81', '/?x', '[2001:db8::1]:81'],
  ['http://shadow$uri/x', 'http://shadow', '$uri/x', 'shadow'],
];

for (const [text, origin, target, authority] of TARGETS) {
  test(`${text} is a target`, () => {
    const parsed = parseMirrorTarget(text);
    assert.ok(!('problem' in parsed));
    assert.deepEqual([parsed.origin, parsed.target, parsed.authority], [origin, target, authority]);
  });
}

const REFUSED: readonly (readonly [text: string, problem: RegExp])[] = [
  ['', /expected a URL/],
  ['shadow.example', /expected a URL/],
  ['ftp://shadow.example/', /expected a URL/],
  ['http://', /expected a URL/],
  ['http://user:secret@shadow.example/', /without a user/],
  ['http://$host$request_uri', /constant host/],
  ['http://shadow.$http_x/', /constant host/],
  ['http://shadow$request_uris', /variables cannot be part of the host/],
  ['http://shadow:$server_port/', /expected a URL/],
  ['http://shadow:99999/', /port from 1 to 65535/],
  ['http://shadow:0/', /port from 1 to 65535/],
  ['http://999.1.1.1/', /expected a host/],
  ['http://shadow/#top', /without a fragment/],
  ['http://shadow/$nonsense', /\$nonsense is no variable/],
  ['http://shadow/a b\r\nX: y', /expected a URL|printable/],
  [`http://shadow/${'a'.repeat(300)}`, /at most 256/],
];

for (const [text, problem] of REFUSED) {
  test(`${JSON.stringify(text.slice(0, 40))} is no target`, () => {
    const parsed = parseMirrorTarget(text);
    assert.match('problem' in parsed ? parsed.problem : '', problem);
  });
}

test('hosts may have a port and nothing else', () => {
  for (const host of ['a', 'a.example:80', '10.0.0.1', '[::1]:80']) assert.ok(isMirrorHost(host), host);
  for (const host of ['', 'a b', 'a/b', 'a:', 'a\r\nX: y', '$host', 'a:123456']) assert.ok(!isMirrorHost(host), host);
});
