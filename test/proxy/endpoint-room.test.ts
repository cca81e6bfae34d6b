/** Who gets a request where endpoints and upstreams have limits, and what looking for room costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptResult } from '../../src/balancer/attempt-result.ts';
import type { Upstream } from '../../src/balancer/upstream.ts';
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { DEFAULT_OUTLIER_DETECTION } from '../../src/model/outlier-detection.ts';
import { DEFAULT_ROUTE_POLICY } from '../../src/model/route-policy.ts';
import { DEFAULT_UPSTREAM_POLICY, type UpstreamLimits } from '../../src/model/upstream-policy.ts';
import { findEndpoint } from '../../src/proxy/endpoint-room.ts';
import type { Exchange } from '../../src/proxy/exchange.ts';
import { BODY_NONE } from '../../src/proxy/http1/request-head.ts';
import { upstreamConfig } from '../support/proxy-config.ts';

class Room {
  readonly upstream: Upstream;
  readonly registry: UpstreamRegistry;
  /** How often an endpoint was asked how many connections it has. */
  looks: number;

  constructor(count: number, part: Partial<UpstreamLimits>) {
    this.looks = 0;
    const look = (): number => {
      this.looks++;
      return 1;
    };
    const transport = {
      idleCount: 0,
      hasRoom: false,
      get openCount(): number {
        return look();
      },
      close: () => undefined,
      retire: () => undefined,
    };
    this.registry = new UpstreamRegistry(() => transport, 1);
    this.registry.onTick(1);
    const addresses = Array.from({ length: count }, (_, at) => `10.0.0.1:${at + 1}`);
    this.upstream = this.registry.ensure({
      ...upstreamConfig('a', ...addresses),
      limits: { ...DEFAULT_UPSTREAM_POLICY.limits, ...part },
      outlierDetection: { ...DEFAULT_OUTLIER_DETECTION, connectFailures: 1, baseEjectionMs: 1_000 },
    });
  }

  find(): ReturnType<typeof findEndpoint> {
    const { upstream } = this;
    const route = { policy: DEFAULT_ROUTE_POLICY };
    const request = { method: 'GET', body: BODY_NONE, hashKey: 0, session: null };
    return findEndpoint({ ...request, upstream, route, target: { upstream }, tries: null, place: null } as Exchange);
  }
}

test('the trial of an endpoint that has no room is left to a request that comes when it has', () => {
  const room = new Room(3, { maxRequestsPerEndpoint: 1 });
  const [bad] = room.upstream.endpoints;
  assert.ok(bad !== undefined);
  room.upstream.record(bad, AttemptResult.ConnectFailed, 0, 1);
  room.registry.onTick(1_001);
  bad.inFlight = 1;
  const other = room.find();
  assert.ok(other !== null && other !== bad);
  bad.inFlight = 0;
  assert.equal(room.find(), bad);
});

test('where an upstream has all the connections it may, its endpoints are counted a few times, not once for each other', () => {
  const room = new Room(500, { maxConnections: 500 });
  assert.equal(room.find(), null);
  assert.ok(room.looks >= 500 && room.looks <= 10 * 500, `${room.looks} looks`);
});
