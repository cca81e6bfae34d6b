/** What workers found out about endpoints: said once, remembered for workers that start later. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EjectionBoard } from '../../src/control/ejection-board.ts';
import type { EjectionChange } from '../../src/model/proxy-config.ts';
import { proxyConfig, upstreamConfig } from '../support/proxy-config.ts';
import { RecordingLogger } from '../support/recording-logger.ts';

class Board extends EjectionBoard {
  readonly logger: RecordingLogger;
  readonly time: { nowMs: number };

  constructor() {
    const time = { nowMs: 0 };
    const logger = new RecordingLogger();
    super(logger, () => time.nowMs);
    this.time = time;
    this.logger = logger;
  }

  get messages(): readonly string[] {
    return this.logger.lines.map(({ message }) => message);
  }
}

function ejected(endpointId: string, part: Partial<EjectionChange> = {}): EjectionChange {
  return { upstreamId: 'shop', endpointId, reason: 'server-errors', forMs: 1_000, level: 1, ...part };
}

const RETURNED = { reason: null, forMs: 0 };

test('what several workers find out is said once, and each failed trial again', () => {
  const board = new Board();
  board.note([ejected('10.0.0.1:80')]);
  board.note([ejected('10.0.0.1:80')]);
  board.note([ejected('10.0.0.1:80', { level: 2, forMs: 2_000 })]);
  board.note([ejected('10.0.0.1:80', RETURNED)]);
  board.note([ejected('10.0.0.1:80', RETURNED)]);
  assert.deepEqual(board.messages, ['endpoint ejected', 'endpoint ejected', 'endpoint returned']);
  assert.deepEqual(board.logger.lines[1]?.fields, {
    upstream: 'shop',
    endpoint: '10.0.0.1:80',
    reason: 'server-errors',
    forMs: 2_000,
    inARow: 2,
  });
  assert.deepEqual(board.snapshot(), []);
});

test('a new worker hears how long ejections still last, also of those whose trial is to come', () => {
  const board = new Board();
  board.note([ejected('10.0.0.1:80'), ejected('10.0.0.2:80', { forMs: 5_000, level: 3 })]);
  board.time.nowMs = 2_000;
  assert.deepEqual(board.snapshot(), [
    ejected('10.0.0.1:80', { forMs: 0 }),
    ejected('10.0.0.2:80', { forMs: 3_000, level: 3 }),
  ]);
});

test('endpoints that are gone are forgotten, and those that a probe found healthy', () => {
  const board = new Board();
  board.note([ejected('10.0.0.1:80'), ejected('10.0.0.2:80'), ejected('10.0.0.3:80', { upstreamId: 'other' })]);
  board.retain(proxyConfig({ generation: 1, upstreams: [upstreamConfig('shop', '10.0.0.2:80', '10.0.0.4:80')] }));
  assert.deepEqual(board.snapshot(), [ejected('10.0.0.2:80')]);
  board.forgive('shop', '10.0.0.2:80');
  board.forgive('shop', '10.0.0.9:80');
  assert.deepEqual(board.snapshot(), []);
});

test('a storm of ejections is counted, not printed', () => {
  const board = new Board();
  for (let at = 0; at < 100; at++) board.note([ejected(`10.0.0.${at}:80`)]);
  assert.equal(board.messages.length, 20);
  board.time.nowMs = 10_000;
  board.note([ejected('10.0.0.1:80', { level: 2 })]);
  assert.deepEqual(board.messages.slice(20), ['more endpoints ejected or returned', 'endpoint ejected']);
  assert.deepEqual(board.logger.lines[20]?.fields, { notPrinted: 80 });
});
