/** Who is probed when, by whose check, and who hears of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { ActiveProber } from '../../src/health/active-prober.ts';
import { CHECK, createRig, makeUnhealthy, startBackend, upstream } from './prober-rig.ts';

test('an endpoint that answers 500 is taken out after unhealthyAfter probes and back after healthyAfter', async (t: TestContext) => {
  const backend = await startBackend(t);
  const rig = createRig(t);
  const endpointId = `127.0.0.1:${backend.port}`;
  rig.prober.apply([upstream('shop', CHECK, [backend.address])]);
  await rig.probe();
  assert.deepEqual(rig.prober.snapshot(), []);

  await makeUnhealthy(rig, backend);
  const down = { upstreamId: 'shop', endpointId, healthy: false, reason: 'status 500' };
  assert.deepEqual(rig.changes, [down]);
  assert.deepEqual(rig.prober.snapshot(), [down]);

  backend.answer = (_request, response) => response.end();
  await rig.probe();
  assert.deepEqual(rig.prober.snapshot(), [down]);
  const change = rig.nextChange();
  await rig.probe();
  await change;
  assert.deepEqual(rig.changes, [down, { upstreamId: 'shop', endpointId, healthy: true, reason: '' }]);
  assert.deepEqual(rig.prober.snapshot(), []);
  assert.deepEqual(rig.logger.lines, [
    {
      level: 'warn',
      message: 'endpoint unhealthy',
      fields: { upstream: 'shop', endpoint: endpointId, reason: 'status 500', consecutive: 2 },
    },
    { level: 'info', message: 'endpoint healthy', fields: { upstream: 'shop', endpoint: endpointId, consecutive: 2 } },
  ]);
});

test('a probe asks for the path with its query, as sluice-health; a changed check has a connection of its own', async (t: TestContext) => {
  const backend = await startBackend(t);
  const rig = createRig(t);
  rig.prober.apply([upstream('shop', CHECK, [backend.address])]);
  await rig.probe();
  rig.prober.apply([upstream('shop', { ...CHECK, host: 'shop.example' }, [backend.address])]);
  await rig.probe();
  const [first, second] = backend.requests;
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(`${first.method} ${first.url}`, 'GET /healthz?deep=1');
  assert.equal(first.headers['user-agent'], 'sluice-health');
  assert.equal(first.headers.host, `127.0.0.1:${backend.port}`);
  assert.equal(second.headers.host, 'shop.example');
  assert.notEqual(first.socket, second.socket);
});

test('an endpoint that went away is noticed and its return too', async (t: TestContext) => {
  const backend = await startBackend(t);
  const rig = createRig(t);
  rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1, healthyAfter: 1 }, [backend.address])]);
  await rig.probe();
  await backend.stop();
  const down = rig.nextChange();
  await rig.probe();
  await down;
  assert.equal(rig.changes[0]?.reason, 'connect ECONNREFUSED');
  await backend.start();
  const up = rig.nextChange();
  await rig.probe();
  await up;
  assert.equal(rig.changes[1]?.healthy, true);
});

test('an endpoint that never answers fails when the timeout is over, and its connection is closed', async (t: TestContext) => {
  const backend = await startBackend(t);
  const arrived = new Promise<IncomingMessage>((resolve) => {
    backend.answer = (request): void => resolve(request);
  });
  const rig = createRig(t);
  rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, [backend.address])]);
  rig.clock.runNext();
  const { socket } = await arrived;
  const closed = once(socket, 'close');
  const changed = rig.nextChange();
  const next = rig.clock.nextSchedule();
  rig.clock.runNext();
  assert.equal(await next, CHECK.intervalMs - CHECK.timeoutMs, 'the interval counts from the start of the probe');
  await changed;
  assert.equal(rig.changes[0]?.reason, 'no complete response within 1000 ms');
  await closed;
});

test('a response body that never ends fails when the timeout is over', async (t: TestContext) => {
  const backend = await startBackend(t);
  const rig = createRig(t);
  const arrived = new Promise<void>((resolve) => {
    backend.answer = (_request, response): void => {
      response.writeHead(200).write('x', () => resolve());
    };
  });
  rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, [backend.address])]);
  rig.clock.runNext();
  await arrived;
  const changed = rig.nextChange();
  rig.clock.runNext();
  await changed;
  assert.equal(rig.changes[0]?.reason, 'no complete response within 1000 ms');
});

test('verdict and counting survive an unchanged check; a changed one keeps the verdict and counts anew', async (t: TestContext) => {
  const backend = await startBackend(t);
  backend.answer = (_request, response) => response.writeHead(500).end();
  const rig = createRig(t);
  rig.prober.apply([upstream('shop', CHECK, [backend.address])]);
  await rig.probe();
  rig.prober.apply([upstream('shop', { ...CHECK }, [backend.address])]);
  assert.equal(rig.clock.pending, 1, 'the loop goes on instead of a second one beside it');
  const down = rig.nextChange();
  await rig.probe();
  await down;
  assert.equal(rig.prober.snapshot().length, 1);

  backend.answer = (_request, response) => response.end();
  await rig.probe();
  rig.prober.apply([upstream('shop', { ...CHECK, path: '/other' }, [backend.address])]);
  await rig.probe();
  assert.equal(rig.prober.snapshot().length, 1, 'one success of the old check does not count');
  const up = rig.nextChange();
  await rig.probe();
  await up;
  assert.deepEqual(rig.prober.snapshot(), []);
});

test('an upstream that loses its check gets its endpoints back', async (t: TestContext) => {
  const backend = await startBackend(t);
  const rig = createRig(t);
  rig.prober.apply([upstream('shop', CHECK, [backend.address])]);
  await makeUnhealthy(rig, backend);
  const change = rig.nextChange();
  rig.prober.apply([upstream('shop', null, [backend.address])]);
  await change;
  const endpointId = `127.0.0.1:${backend.port}`;
  assert.deepEqual(rig.changes.at(-1), { upstreamId: 'shop', endpointId, healthy: true, reason: '' });
  assert.equal(rig.clock.pending, 0);
  assert.deepEqual(rig.prober.snapshot(), []);
});

const removals: readonly { readonly name: string; remove(prober: ActiveProber): void }[] = [
  { name: 'a removed upstream is probed no more and forgotten', remove: (prober) => prober.apply([]) },
  {
    name: 'a removed endpoint is probed no more and forgotten',
    remove: (prober) => prober.apply([upstream('shop', CHECK, [])]),
  },
];

for (const c of removals) {
  test(c.name, async (t: TestContext) => {
    const backend = await startBackend(t);
    const rig = createRig(t);
    rig.prober.apply([upstream('shop', CHECK, [backend.address])]);
    await makeUnhealthy(rig, backend);
    const arrived = new Promise<IncomingMessage>((resolve) => {
      backend.answer = (request): void => resolve(request);
    });
    rig.clock.runNext();
    const { socket } = await arrived;
    const closed = once(socket, 'close');
    c.remove(rig.prober);
    await closed;
    assert.equal(rig.clock.pending, 0);
    assert.deepEqual(rig.prober.snapshot(), []);
    assert.equal(rig.changes.length, 1, 'nobody needs to hear of an endpoint that is gone');
    rig.prober.apply([upstream('shop', CHECK, [backend.address])]);
    assert.deepEqual(rig.prober.snapshot(), [], 'who comes back is new');
  });
}

test('a verdict reached before an endpoint is removed is handed over before the removal is applied', async (t: TestContext) => {
  const backend = await startBackend(t);
  backend.answer = (_request, response) => response.writeHead(500).end();
  const rig = createRig(t);
  rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, [backend.address])]);
  await rig.probe();
  rig.prober.apply([upstream('shop', CHECK, [])]);
  assert.equal(rig.changes.length, 1);
});

test('an endpoint that comes is probed, once however often it is named, and an unchecked upstream is none of our business', async (t: TestContext) => {
  const backend = await startBackend(t);
  const rig = createRig(t);
  rig.prober.apply([upstream('shop', CHECK, []), upstream('plain', null, [])]);
  assert.equal(rig.clock.pending, 0);
  const { address } = backend;
  rig.prober.apply([upstream('shop', CHECK, [address, address]), upstream('plain', null, [address])]);
  assert.equal(rig.clock.pending, 1);
  await rig.probe();
  assert.equal(backend.requests.length, 1);
});

test('the same endpoint in two upstreams is judged by the check of each', async (t: TestContext) => {
  const backend = await startBackend(t);
  backend.answer = (request, response) => response.writeHead(request.url === '/bad' ? 500 : 200).end();
  const rig = createRig(t);
  rig.prober.apply([
    upstream('good', { ...CHECK, path: '/good', unhealthyAfter: 1 }, [backend.address]),
    upstream('bad', { ...CHECK, path: '/bad', unhealthyAfter: 1 }, [backend.address]),
  ]);
  const changed = rig.nextChange();
  rig.clock.runNext();
  rig.clock.runNext();
  await changed;
  assert.deepEqual(
    rig.prober.snapshot().map((change) => change.upstreamId),
    ['bad'],
  );
});

const jitters: readonly { readonly random: number; readonly firstMs: number; readonly nextMs: number }[] = [
  { random: 0, firstMs: 0, nextMs: 9_000 },
  { random: 0.5, firstMs: 250, nextMs: 10_000 },
  { random: 0.999, firstMs: 499.5, nextMs: 10_998 },
];

for (const c of jitters) {
  test(`with a draw of ${c.random} the first probe comes after ${c.firstMs} ms and the next ${c.nextMs} ms later`, async (t: TestContext) => {
    const backend = await startBackend(t);
    const rig = createRig(t, () => c.random);
    const first = rig.clock.nextSchedule();
    rig.prober.apply([upstream('shop', CHECK, [backend.address])]);
    assert.equal(Math.round((await first) * 10) / 10, c.firstMs);
    assert.equal(Math.round(await rig.probe()), c.nextMs);
  });
}

test('close aborts what is in flight, and nothing is reported or started afterwards', async (t: TestContext) => {
  const backend = await startBackend(t);
  const rig = createRig(t);
  rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, [backend.address])]);
  const arrived = new Promise<IncomingMessage>((resolve) => {
    backend.answer = (request): void => resolve(request);
  });
  rig.clock.runNext();
  const { socket } = await arrived;
  const closed = once(socket, 'close');
  rig.prober.close();
  await closed;
  assert.equal(rig.clock.pending, 0);
  rig.prober.apply([upstream('shop', CHECK, [backend.address])]);
  rig.prober.apply([upstream('shop', CHECK, [backend.address])]);
  assert.equal(rig.clock.pending, 0);
  assert.deepEqual(rig.changes, []);
});
