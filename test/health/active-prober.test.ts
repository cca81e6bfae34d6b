/** Active probes: what is sent, what counts as a failure, and when an endpoint is taken out and back. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { ActiveProber } from '../../src/health/active-prober.ts';
import type { LogFields, Logger } from '../../src/log/logger.ts';
import type { HealthCheckConfig } from '../../src/model/health-check.ts';
import {
  type EndpointAddress,
  type HealthChange,
  PLAIN_TRANSPORT,
  type UpstreamConfig,
} from '../../src/model/proxy-config.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';
import { ProbeConnector } from '../../src/proxy/probe-connector.ts';
import { ManualClock } from './manual-clock.ts';

const CHECK: HealthCheckConfig = {
  path: '/healthz?deep=1',
  host: '',
  intervalMs: 10_000,
  timeoutMs: 1_000,
  unhealthyAfter: 2,
  healthyAfter: 2,
};

/** An endpoint whose behaviour a test may change at any time. */
class Backend {
  readonly requests: IncomingMessage[];
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  server: Server;
  port: number;

  constructor() {
    this.requests = [];
    this.answer = (_request, response) => response.end('ok');
    this.server = this.#createServer();
    this.port = 0;
  }

  get address(): EndpointAddress {
    return { address: '127.0.0.1', port: this.port, weight: 1 };
  }

  async start(): Promise<void> {
    this.server = this.#createServer();
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = portOf(this.server);
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  #createServer(): Server {
    return createServer((request, response) => {
      this.requests.push(request);
      this.answer(request, response);
    });
  }
}

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** A prober on a manual clock with everything it says. */
class Rig {
  readonly clock: ManualClock;
  readonly lines: LogLine[];
  readonly changes: HealthChange[];
  readonly prober: ActiveProber;
  #onChange: (() => void)[];

  constructor(random: () => number = () => 0.5) {
    const connector = new ProbeConnector();
    this.clock = new ManualClock();
    this.lines = [];
    this.changes = [];
    this.#onChange = [];
    this.prober = new ActiveProber({
      logger: this.#createLogger(),
      onChange: (changes) => {
        this.changes.push(...changes);
        for (const resolve of this.#onChange.splice(0)) resolve();
      },
      connect: (endpoint, transport, onDone) => connector.connect(endpoint, transport, onDone),
      random,
      clock: this.clock,
    });
  }

  nextChange(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange.push(resolve);
    });
  }

  /** One probe from its start to its result, for a prober with one endpoint. Resolves with the delay to the next probe. */
  async probe(): Promise<number> {
    this.clock.runNext();
    return this.clock.nextSchedule();
  }

  #createLogger(): Logger {
    const write =
      (level: string) =>
      (message: string, fields?: LogFields): void => {
        this.lines.push({ level, message, fields });
      };
    const logger: Logger = {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: () => logger,
    };
    return logger;
  }
}

function portOf(server: TcpServer): number {
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

function upstream(
  id: string,
  healthCheck: HealthCheckConfig | null,
  endpoints: readonly EndpointAddress[],
): UpstreamConfig {
  const source = { kind: 'StaticConfig', namespace: '', name: 'sluice.yaml' };
  return {
    id,
    ...PLAIN_TRANSPORT,
    ...DEFAULT_UPSTREAM_POLICY,
    healthCheck,
    endpoints,
    backend: null,
    source,
  };
}

async function startBackend(t: TestContext): Promise<Backend> {
  const backend = new Backend();
  await backend.start();
  t.after(() => backend.stop());
  return backend;
}

function createRig(t: TestContext, random?: () => number): Rig {
  const rig = new Rig(random);
  t.after(() => rig.prober.close());
  return rig;
}

/** Takes the only endpoint out by answers of 500. */
async function makeUnhealthy(rig: Rig, backend: Backend): Promise<void> {
  backend.answer = (_request, response) => response.writeHead(500).end();
  await rig.probe();
  const change = rig.nextChange();
  await rig.probe();
  await change;
}

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
  assert.deepEqual(rig.lines, [
    {
      level: 'warn',
      message: 'endpoint unhealthy',
      fields: { upstream: 'shop', endpoint: endpointId, reason: 'status 500', consecutive: 2 },
    },
    { level: 'info', message: 'endpoint healthy', fields: { upstream: 'shop', endpoint: endpointId, consecutive: 2 } },
  ]);
});

test('a probe asks for the path with its query, as sluice-health, on a connection of its own', async (t: TestContext) => {
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
  assert.equal(first.headers.connection, 'close');
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

interface AnswerCase {
  readonly name: string;
  readonly raw: string;
  /** Empty = healthy. */
  readonly reason: string;
}

const BIG = 'x'.repeat(200_000);
const answers: readonly AnswerCase[] = [
  { name: 'status 204 is a success', raw: 'HTTP/1.1 204 No Content\r\n\r\n', reason: '' },
  {
    name: 'status 302 is a success and not followed',
    raw: 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n',
    reason: '',
  },
  { name: 'status 399 is a success', raw: 'HTTP/1.1 399 Odd\r\ncontent-length: 0\r\n\r\n', reason: '' },
  { name: 'status 404 is a failure', raw: 'HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n', reason: 'status 404' },
  {
    name: 'the status counts, not an interim response before it',
    raw: 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n',
    reason: 'status 503',
  },
  {
    name: 'a body larger than anybody needs is cut off and the status counts',
    raw: `HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n${BIG}`,
    reason: '',
  },
  {
    name: 'a body that ends too early is a failure',
    raw: 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort',
    reason: 'connection closed before the end of the response',
  },
  { name: 'a closed connection is a failure', raw: '', reason: 'connection closed before the end of the response' },
  {
    name: 'something that is not HTTP is a failure',
    raw: 'SSH-2.0-OpenSSH_9.9\r\n',
    reason: 'not an HTTP response',
  },
  {
    name: 'headers without end are a failure',
    raw: `HTTP/1.1 200 OK\r\nx: ${BIG}`,
    reason: 'response headers too large',
  },
];

for (const c of answers) {
  test(c.name, async (t: TestContext) => {
    const sockets = new Set<Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end(c.raw));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const port = portOf(server);
    const rig = createRig(t);
    rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, [{ address: '127.0.0.1', port, weight: 1 }])]);
    await rig.probe();
    assert.equal(rig.prober.snapshot()[0]?.reason ?? '', c.reason);
  });
}

interface AddressCase {
  readonly name: string;
  readonly address: string;
  readonly listenOn: string;
}

const addresses: readonly AddressCase[] = [
  { name: 'a host name is looked up', address: 'localhost', listenOn: 'localhost' },
  { name: 'an IPv6 address is written in brackets where it must be', address: '::1', listenOn: '::1' },
];

for (const c of addresses) {
  test(c.name, async (t: TestContext) => {
    const backend = new Backend();
    backend.server.listen(0, c.listenOn);
    const [error] = await Promise.race([once(backend.server, 'listening'), once(backend.server, 'error')]);
    if (error instanceof Error) return t.skip(`this machine cannot listen on ${c.listenOn}`);
    t.after(() => backend.stop());
    const port = portOf(backend.server);
    const rig = createRig(t);
    rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, [{ address: c.address, port, weight: 1 }])]);
    await rig.probe();
    assert.deepEqual(rig.prober.snapshot(), []);
    assert.equal(backend.requests[0]?.headers.host, c.address.includes(':') ? `[::1]:${port}` : `localhost:${port}`);
  });
}

test('a check that cannot be sent is a failure that says so', async (t: TestContext) => {
  const rig = createRig(t);
  const endpoints = [
    { address: 'not a host', port: 80, weight: 1 },
    { address: '127.0.0.1', port: 70_000, weight: 1 },
  ];
  rig.prober.apply([upstream('shop', { ...CHECK, unhealthyAfter: 1 }, endpoints)]);
  const changed = rig.nextChange();
  rig.clock.runNext();
  rig.clock.runNext();
  await changed;
  assert.deepEqual(
    rig.prober.snapshot().map((change) => `${change.endpointId} ${change.reason}`),
    ['not a host:80 probe impossible ERR_INVALID_URL', '127.0.0.1:70000 probe impossible ERR_INVALID_URL'],
  );
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
    remove: (prober) => prober.applyEndpoints([{ upstreamId: 'shop', endpoints: [] }]),
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
  rig.prober.applyEndpoints([{ upstreamId: 'shop', endpoints: [] }]);
  assert.equal(rig.changes.length, 1);
});

test('endpoint changes reach the probes, and those of unchecked or unknown upstreams are none of our business', async (t: TestContext) => {
  const backend = await startBackend(t);
  const rig = createRig(t);
  rig.prober.apply([upstream('shop', CHECK, []), upstream('plain', null, [])]);
  rig.prober.applyEndpoints([
    { upstreamId: 'shop', endpoints: [backend.address, backend.address] },
    { upstreamId: 'plain', endpoints: [backend.address] },
    { upstreamId: 'unknown', endpoints: [backend.address] },
  ]);
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

test('no more than 64 probes are in flight; the others follow as these end', async (t: TestContext) => {
  const held: ServerResponse[] = [];
  let arrived = 0;
  let wanted = 64;
  let full = Promise.withResolvers<void>();
  const backend = await startBackend(t);
  backend.answer = (_request, response): void => {
    held.push(response);
    arrived += 1;
    if (arrived === wanted) full.resolve();
  };
  const rig = createRig(t);
  const upstreams = Array.from({ length: 100 }, (_, index) => upstream(`u${index}`, CHECK, [backend.address]));
  rig.prober.apply(upstreams);
  // All first probes are due at the same time, long before the first timeout.
  for (let probe = 0; probe < 100; probe += 1) rig.clock.runNext();
  await full.promise;
  assert.equal(rig.clock.pending, 64, 'one timeout for each probe in flight, the others wait without a timer');
  full = Promise.withResolvers();
  wanted = 100;
  for (const response of held.splice(0)) response.end();
  await full.promise;
  assert.equal(arrived, 100);
});

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
  await rig.prober.close();
  await closed;
  assert.equal(rig.clock.pending, 0);
  rig.prober.apply([upstream('shop', CHECK, [backend.address])]);
  rig.prober.applyEndpoints([{ upstreamId: 'shop', endpoints: [backend.address] }]);
  assert.equal(rig.clock.pending, 0);
  assert.deepEqual(rig.changes, []);
});
