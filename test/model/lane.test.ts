/** What a lane and its header may be called: nothing that means something else to anybody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DEFAULT_LANE_HEADER,
  isLaneAnswerHeader,
  isLaneCookie,
  isLaneHeader,
  isLaneName,
} from '../../src/model/lane.ts';

test('names are plain words, as labels of Kubernetes are', () => {
  for (const name of ['v2', '2', 'feature-x_1.0', 'always-on', 'Never', 'a'.repeat(63)])
    assert.ok(isLaneName(name), name);
  // Cookies of canaries say `always` and `never`.
  for (const word of ['always', 'never']) assert.ok(!isLaneName(word), word);
  const wrong = ['', 'a'.repeat(64), '-a', 'a.', 'a b', 'a,b', 'a;b', 'a=b', 'a\r\nX: y', 'a\n', 'ü', '%41', '"a"'];
  for (const name of wrong) assert.ok(!isLaneName(name), JSON.stringify(name));
});

test('headers are extensions that nobody else uses', () => {
  for (const name of [DEFAULT_LANE_HEADER, 'X-Env', 'x-lane-2']) assert.ok(isLaneHeader(name), name);
  const wrong = [
    '',
    'Host',
    'Baggage',
    'Cookie',
    'X-',
    'X_Lane',
    'X-Lane:',
    'X-Lane\n',
    'X-Lane\r\nY',
    `X-${'a'.repeat(63)}`,
  ];
  for (const name of wrong) assert.ok(!isLaneHeader(name), JSON.stringify(name));
  const ours = [
    'X-Forwarded-For',
    'x-forwarded-any',
    'X-Real-IP',
    'X-Request-ID',
    'X-Scheme',
    'X-Original-Forwarded-For',
  ];
  for (const name of [...ours, 'X-Sluice-Mirror']) assert.ok(!isLaneHeader(name), name);
});

test('in responses, what browsers and proxies obey is taken, too', () => {
  for (const name of [DEFAULT_LANE_HEADER, 'X-Env', 'X-Frame', 'X-Contents']) assert.ok(isLaneAnswerHeader(name), name);
  const obeyed = [
    'X-Frame-Options',
    'x-content-type-options',
    'X-Content-Security-Policy',
    'X-WebKit-CSP',
    'X-XSS-Protection',
    'X-Accel-Redirect',
    'X-Accel-Expires',
    'X-Sendfile',
    'X-Robots-Tag',
    'X-DNS-Prefetch-Control',
    'X-Permitted-Cross-Domain-Policies',
  ];
  const others = ['Set-Cookie', 'Content-Length', 'Transfer-Encoding', 'Connection', 'Trailer', 'Upgrade', 'Location'];
  for (const name of [...obeyed, ...others, 'X-Request-ID', 'X-A\r\nSet-Cookie: a=b', 'X-A ', '']) {
    assert.ok(!isLaneAnswerHeader(name), JSON.stringify(name));
  }
});

test('cookies have plain names', () => {
  for (const name of ['lane', 'sluice-lane', '__Host-lane', 'L.1', 'a'.repeat(64)]) assert.ok(isLaneCookie(name), name);
  const wrong = ['', '$Path', '-a', '.a', 'a b', 'a=b', 'a;b', 'a,b', '"a"', 'a\r\nX: y', 'a\n', 'ü', 'a'.repeat(65)];
  for (const name of wrong) assert.ok(!isLaneCookie(name), JSON.stringify(name));
});
