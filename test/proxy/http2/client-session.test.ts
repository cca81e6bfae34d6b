/** One connection to a back end without any socket: whatever bytes come, exchanges end once and nothing is thrown. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import * as fc from 'fast-check';
import { UpstreamRegistry } from '../../../src/balancer/upstream-registry.ts';
import { LiveState } from '../../../src/live/live-state.ts';
import { DEFAULT_ROUTE_POLICY } from '../../../src/model/route-policy.ts';
import type { Exchange } from '../../../src/proxy/exchange.ts';
import type { ResponseHead } from '../../../src/proxy/http1/response-head.ts';
import { Http2ClientSession, type SessionOwner } from '../../../src/proxy/http2/client-session.ts';
import type { Outcome } from '../../../src/proxy/outcome.ts';
import type { UpstreamConnection } from '../../../src/proxy/upstream-transport.ts';
import { WorkerContext } from '../../../src/proxy/worker-context.ts';
import { dataFrame, responseFrame } from '../../support/frame-upstream.ts';
import { ACK, END_HEADERS, FrameType, frame, uint32 } from '../../support/http2-frames.ts';
import { DEFAULT_SETTINGS } from '../../support/in-process-proxy.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const logger = new RecordingLogger();
const live = new LiveState(
  new UpstreamRegistry(() => {
    throw new Error('there are no upstreams here');
  }, 1),
);
const worker = new WorkerContext(DEFAULT_SETTINGS, live, logger, 1, null);
after(() => worker.clock.close());

/** What a session uses of an exchange, and how that ended. */
class StubExchange {
  readonly method = 'GET';
  readonly requestText = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  readonly acceptsTrailers = true;
  readonly route = { policy: DEFAULT_ROUTE_POLICY };
  readonly downstream = { flushResponse: (): boolean => this.flowing };
  connection: UpstreamConnection | null = null;
  requestSent = false;
  responseStarted = false;
  status = 0;
  body = '';
  trailers: readonly string[] | null = null;
  /** `ended`, or the outcomes of failed attempts with whether the request was sent and on a stale connection. */
  readonly endings: string[] = [];
  flowing = true;

  onConnectionReady(connection: UpstreamConnection): void {
    this.requestSent = true;
    connection.endBody(null);
  }

  onInformational(_head: ResponseHead): void {}

  onResponseHead(head: ResponseHead): void {
    this.responseStarted = true;
    this.status = head.status;
  }

  onResponseData(buffer: Buffer, start: number, end: number): void {
    this.body += buffer.toString('latin1', start, end);
  }

  onResponseEnd(trailers: readonly string[] | null): void {
    this.trailers = trailers;
    this.endings.push('ended');
  }

  onAttemptFailed(outcome: Outcome, sent: boolean, reused: boolean): void {
    this.endings.push(`${outcome}${sent ? ', sent' : ''}${reused ? ', reused' : ''}`);
  }

  onUpstreamDrain(): void {}
}

class Harness implements SessionOwner {
  readonly session: Http2ClientSession;
  readonly socket: Socket;
  streamLimit: number;
  closed: number;

  constructor() {
    this.streamLimit = Number.POSITIVE_INFINITY;
    this.closed = 0;
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }) as unknown as Socket;
    this.socket = socket;
    this.session = new Http2ClientSession(worker, this, () => socket, false);
  }

  onSessionClosed(): void {
    this.closed++;
  }

  connect(): this {
    this.session.onConnected(this.socket);
    return this;
  }

  carry(): StubExchange {
    const exchange = new StubExchange();
    this.session.carry(exchange as unknown as Exchange);
    return exchange;
  }

  feed(...frames: readonly Buffer[]): void {
    const bytes = Buffer.concat(frames);
    this.session.onRead(bytes, bytes.length);
  }

  close(): void {
    this.session.onClosed(null);
  }
}

const SETTINGS = frame(FrameType.Settings, 0, 0);

test('exchanges wait for the connection to open, and fail with it', () => {
  const harness = new Harness();
  const [first, second] = [harness.carry(), harness.carry()];
  second.connection?.abandon();
  harness.session.onClosed(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
  assert.deepEqual(first.endings, ['upstream-connect-failed']);
  assert.deepEqual(second.endings, []);
  assert.equal(harness.closed, 1);
});

test('a connection nobody waits for any more is not waited for', () => {
  const harness = new Harness();
  harness.carry().connection?.abandon();
  assert.equal(harness.closed, 1);
  assert.equal(harness.session.hasRoom, false);
});

test('a lost connection is stale when it had served and nothing came since', () => {
  const harness = new Harness().connect();
  const served = harness.carry();
  harness.feed(SETTINGS, responseFrame(1, 204, [], true));
  assert.deepEqual(served.endings, ['ended']);
  const stale = harness.carry();
  harness.close();
  assert.deepEqual(stale.endings, ['upstream-closed, sent, reused']);
});

test('a lost connection is not stale when something came after the request', () => {
  const harness = new Harness().connect();
  harness.carry();
  harness.feed(SETTINGS, responseFrame(1, 204, [], true));
  const exchange = harness.carry();
  harness.feed(frame(FrameType.Ping, 0, 0, Buffer.alloc(8)));
  harness.close();
  assert.deepEqual(exchange.endings, ['upstream-closed, sent']);
});

test('a response that has come whole reaches a slow client although its connection is lost', () => {
  const harness = new Harness().connect();
  const exchange = harness.carry();
  exchange.flowing = false;
  harness.feed(SETTINGS, responseFrame(1, 200), dataFrame(1, 'first'));
  harness.feed(dataFrame(1, ' and last', true));
  assert.equal(exchange.body, 'first');
  harness.close();
  assert.deepEqual(exchange.endings, []);
  exchange.flowing = true;
  exchange.connection?.resumeResponse();
  assert.equal(exchange.body, 'first and last');
  assert.deepEqual(exchange.endings, ['ended']);
});

test('a session at its limit has no room until a stream is over', () => {
  const harness = new Harness().connect();
  harness.feed(frame(FrameType.Settings, 0, 0, Buffer.from([0, 3, 0, 0, 0, 2])));
  harness.carry();
  assert.equal(harness.session.hasRoom, true);
  const second = harness.carry();
  assert.equal(harness.session.hasRoom, false);
  second.connection?.abandon();
  assert.equal(harness.session.hasRoom, true);
  harness.close();
});

const streamId = fc.constantFrom(0, 1, 1, 1, 3, 3, 5, 2, 7);
const anyFrame = fc.oneof(
  { weight: 4, arbitrary: streamId.map((id) => responseFrame(id, 200, [['a', 'b']])) },
  { weight: 1, arbitrary: streamId.map((id) => responseFrame(id, 103)) },
  { weight: 1, arbitrary: streamId.map((id) => responseFrame(id, 200, [['content-length', '3']])) },
  {
    weight: 2,
    arbitrary: streamId.map((id) => frame(FrameType.Headers, 1 | END_HEADERS, id, Buffer.from('0001780179', 'hex'))),
  },
  { weight: 4, arbitrary: fc.tuple(streamId, fc.boolean()).map(([id, end]) => dataFrame(id, 'abc', end)) },
  {
    weight: 1,
    arbitrary: fc.tuple(streamId, fc.nat(13)).map(([id, code]) => frame(FrameType.RstStream, 0, id, uint32(code))),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(streamId, fc.nat(1)).map(([id, code]) => frame(FrameType.Goaway, 0, 0, uint32(id, code))),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(streamId, fc.nat()).map(([id, by]) => frame(FrameType.WindowUpdate, 0, id, uint32(by))),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(SETTINGS, frame(FrameType.Settings, ACK, 0), frame(FrameType.Ping, 0, 0, '12345678')),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(10), fc.nat(255), streamId, fc.uint8Array({ maxLength: 20 }))
      .map(([type, flags, id, payload]) => frame(type, flags, id, Buffer.from(payload))),
  },
);

test('whatever frames come, in whatever pieces: no exchange ends twice, none is forgotten, nothing is thrown', () => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 25 }),
      fc.integer({ min: 1, max: 64 }),
      fc.boolean(),
      (frames, step, slow) => {
        const harness = new Harness().connect();
        const exchanges = [harness.carry(), harness.carry(), harness.carry()];
        if (slow) for (const exchange of exchanges) exchange.flowing = false;
        const bytes = Buffer.concat([SETTINGS, ...frames]);
        for (let at = 0; at < bytes.length; at += step) harness.feed(bytes.subarray(at, at + step));
        harness.close();
        for (const exchange of exchanges) {
          exchange.flowing = true;
          exchange.connection?.resumeResponse();
          assert.equal(exchange.endings.length, 1, exchange.endings.join(' then '));
        }
        assert.equal(harness.closed, 1);
        assert.deepEqual(
          logger.lines.filter(({ level }) => level === 'error'),
          [],
        );
      },
    ),
    { numRuns: 1_000 },
  );
});
