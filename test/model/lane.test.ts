/** What a lane and its header may be called: nothing that means something else to anybody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LANE_HEADER, isLaneHeader, isLaneName } from '../../src/model/lane.ts';

test('names are plain words, as labels of Kubernetes are', () => {
  for (const name of ['v2', '2', 'feature-x_1.0', 'a'.repeat(63)]) assert.ok(isLaneName(name), name);
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
