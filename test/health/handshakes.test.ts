/** How many connections probes open at once, over TLS above all, and that those which are kept wait for nobody. */
import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ConnectionUser, ProbeTools } from '../../src/health/probe.ts';
import { DEFAULT_HEALTH_CHECK, type HealthCheckConfig } from '../../src/model/health-check.ts';
import type { EndpointAddress } from '../../src/model/proxy-config.ts';
import { untilQuiet } from '../support/eventually-true.ts';
import { OK } from './kept-rig.ts';
import { createRig, endpoint, type Rig, TOOLS, upstream } from './prober-rig.ts';

const PLAIN: HealthCheckConfig = { ...DEFAULT_HEALTH_CHECK, intervalMs: 20_000, timeoutMs: 5_000 };
const OVER_TLS: HealthCheckConfig = { ...PLAIN, tls: true };

interface Opening {
  readonly address: string;
  readonly user: ConnectionUser;
}

/** Connections that open when a test says so, and answer all questions. */
class SlowNetwork implements ProbeTools {
  /** In the order they began. */
  readonly openings: Opening[];
  #asked: number;

  constructor() {
    this.openings = [];
    this.#asked = 0;
  }

  get asked(): number {
    return this.#asked;
  }

  connect: ProbeTools['connect'] = ({ address }, _transport, user) => {
    this.openings.push({ address, user });
    return new Socket();
  };

  createWriter: ProbeTools['createWriter'] = () => ({
    errno: 0,
    writeText: () => {
      this.#asked++;
      return true;
    },
  });

  createReader: ProbeTools['createReader'] = TOOLS.createReader;
}

function open({ user }: Opening): void {
  user.onConnected(new Socket());
}

function answer({ user }: Opening): void {
  const bytes = Buffer.from(OK);
  user.onRead(bytes, bytes.length);
}

function endpoints(count: number, network: number): readonly EndpointAddress[] {
  return Array.from({ length: count }, (_, index) => endpoint(`10.${network}.${index >> 8}.${index & 255}`));
}

/** Rings what is due within the time, and lets all begin that may. */
async function pass(rig: Rig, network: SlowNetwork, forMs: number): Promise<void> {
  const endMs = rig.clock.nowMs() + forMs;
  while (rig.clock.nextDueMs <= endMs) rig.clock.runNext();
  rig.clock.moveTo(endMs);
  await settled(network);
}

/** Whoever may begin has begun. */
function settled(network: SlowNetwork): Promise<void> {
  return untilQuiet(() => network.openings.length + network.asked);
}

function start(t: TestContext): { readonly rig: Rig; readonly network: SlowNetwork } {
  const network = new SlowNetwork();
  return { rig: createRig(t, () => 0, network), network };
}

test('32 handshakes of one upstream are under way at most, and the next begins when one is over', async (t: TestContext) => {
  const { rig, network } = start(t);
  rig.prober.apply([upstream('shop', OVER_TLS, endpoints(100, 0))]);
  await pass(rig, network, 0);
  assert.equal(network.openings.length, 32);
  assert.deepEqual([rig.prober.stats().inFlight, rig.prober.stats().waiting], [32, 68]);
  open(network.openings[0] as Opening);
  network.openings[1]?.user.onFailed(new Error('refused'));
  await settled(network);
  assert.equal(network.openings.length, 34);
  for (let at = 0; at < network.openings.length; at++) {
    if (at > 1) open(network.openings[at] as Opening);
    await settled(network);
  }
  assert.equal(network.openings.length, 100);
  for (const [at, each] of network.openings.entries()) if (at !== 1) answer(each);
  const { succeeded, failed, timedOut } = rig.prober.stats();
  assert.deepEqual([succeeded, failed, timedOut], [99, 1, 0], 'who waits is not in its time limit yet');
});

test('connections in the clear do not wait for handshakes, nor those of other upstreams', async (t: TestContext) => {
  const { rig, network } = start(t);
  rig.prober.apply([
    upstream('shop', OVER_TLS, endpoints(100, 0)),
    upstream('cart', PLAIN, endpoints(100, 1)),
    upstream('auth', OVER_TLS, endpoints(10, 2)),
  ]);
  await pass(rig, network, 0);
  const begun = (prefix: string): number => network.openings.filter((each) => each.address.startsWith(prefix)).length;
  assert.ok(begun('10.0.') >= 20);
  assert.deepEqual([begun('10.1.'), begun('10.2.')], [100, 10]);
});

test('a handshake that hangs gives its place away after half a second, and fails when its time is over', async (t: TestContext) => {
  const { rig, network } = start(t);
  rig.prober.apply([upstream('shop', OVER_TLS, endpoints(40, 0))]);
  await pass(rig, network, 0);
  await pass(rig, network, 499);
  assert.equal(network.openings.length, 32);
  await pass(rig, network, 1);
  assert.equal(network.openings.length, 40);
  await pass(rig, network, 4_499);
  assert.equal(rig.prober.stats().timedOut, 0);
  await pass(rig, network, 1);
  assert.equal(rig.prober.stats().timedOut, 32);
  assert.equal(rig.prober.lastCheck('shop', '10.0.0.0:80')?.reason, 'no complete response within 5000 ms');
});

test('a probe on a kept connection waits for no slot', async (t: TestContext) => {
  const { rig, network } = start(t);
  const kept = endpoints(20, 0);
  rig.prober.apply([upstream('shop', PLAIN, kept)]);
  await pass(rig, network, 0);
  for (const each of network.openings) {
    open(each);
    answer(each);
  }
  assert.equal(network.asked, 20);
  // As many as may be in flight; nobody ever answers them.
  rig.prober.apply([
    upstream('shop', PLAIN, kept),
    ...['a', 'b', 'c', 'd'].map((id, index) => {
      return upstream(id, { ...PLAIN, intervalMs: 600_000, timeoutMs: 600_000 }, endpoints(400, index + 1));
    }),
  ]);
  await pass(rig, network, 1_000);
  const { inFlight, waiting } = rig.prober.stats();
  assert.ok(inFlight > 750 && waiting > 500, `${inFlight} in flight, ${waiting} waiting`);
  await pass(rig, network, 21_000);
  assert.equal(network.asked, 40);
});

test('an endpoint that goes while it waits for a handshake, or has one, leaves its place to others', async (t: TestContext) => {
  const { rig, network } = start(t);
  const all = endpoints(40, 0);
  rig.prober.apply([upstream('shop', OVER_TLS, all)]);
  await pass(rig, network, 0);
  rig.prober.apply([upstream('shop', OVER_TLS, all.slice(0, 38))]);
  await settled(network);
  assert.equal(network.openings.length, 32);
  rig.prober.apply([upstream('shop', OVER_TLS, all.slice(20, 38))]);
  await settled(network);
  assert.equal(network.openings.length, 38);
  rig.prober.apply([]);
  const { inFlight, waiting } = rig.prober.stats();
  assert.deepEqual([inFlight, waiting], [0, 0]);
});
