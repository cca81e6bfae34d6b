/** Which draws mean a copy, and what the target of a copy can hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { KeyClient, KeyRequest } from '../../src/live/hash-key.ts';
import { LiveMirror } from '../../src/live/live-mirror.ts';
import { MirrorCounts } from '../../src/live/mirror-counts.ts';
import type { MirrorConfig } from '../../src/model/mirror.ts';

const LAST_DRAW = 2 ** 31 - 1;
const CLIENT: KeyClient = {
  clientIp: '192.0.2.1',
  secure: false,
  port: 80,
  routingHost: 'a.example',
  addresses: null,
  told: null,
};

function liveMirror(part: Partial<MirrorConfig>): LiveMirror {
  const config = {
    origin: 'http://b',
    host: 'b',
    target: '/',
    percent: 100,
    sendBody: true,
    verify: true,
    compare: null,
  };
  return new LiveMirror({ ...config, ...part }, new MirrorCounts());
}

function requestWith(field: string): KeyRequest {
  return {
    method: 'GET',
    target: '/a?b',
    pathEnd: 2,
    host: 'a.example',
    header: () => field,
    queryParameter: () => null,
  };
}

test('a percentage is a share of the draws', () => {
  const draws = [0, 0.01, 0.299, 0.301, 1].map((share) => Math.floor(share * LAST_DRAW));
  const taken = (percent: number): readonly boolean[] => draws.map((draw) => liveMirror({ percent }).takes(draw));
  assert.deepEqual(taken(0), [false, false, false, false, false]);
  assert.deepEqual(taken(0.5), [true, false, false, false, false]);
  assert.deepEqual(taken(30), [true, true, true, false, false]);
  assert.deepEqual(taken(100), [true, true, true, true, true]);
});

test('whatever a field holds, the target is one', () => {
  const mirror = liveMirror({ target: '$http_x' });
  const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((unit) => String.fromCharCode(unit)) });
  fc.assert(
    fc.property(latin1, (field) => {
      assert.match(mirror.targetOf(requestWith(field), CLIENT, 'id'), /^\/[!$-;=?-Z_a-z~]*$/);
    }),
  );
});

test('a target that has no path gets one', () => {
  assert.equal(liveMirror({ target: '$http_x' }).targetOf(requestWith('?a'), CLIENT, 'id'), '/?a');
  assert.equal(liveMirror({ target: '$request_uri' }).targetOf(requestWith(''), CLIENT, 'id'), '/a?b');
});
