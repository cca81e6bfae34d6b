/** A mirror target that hangs, dies, crawls or floods changes nothing for clients, and holds a bounded part of the worker. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { closedPort } from '../support/closed-port.ts';
import { describeLatency } from '../support/e2e-percentile.ts';
import { countsOf, mirrorReport, untilMirror } from '../support/mirror-report.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const CLIENTS = 8;
const REQUESTS = 20;
const BODY = Buffer.alloc(16_384, 'b');
const MAX_COPIES_PER_TARGET = 64;
const MAX_BUFFERED_BYTES = 16_777_216;
const CHUNK = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`);

/** What each target does with a connection. */
const TARGETS: Readonly<Record<string, (socket: net.Socket) => void>> = {
  hung: (socket) => socket.resume(),
  deaf: (socket) => socket.pause(),
  cut: (socket) => socket.once('data', () => socket.resetAndDestroy()),
  garbage: (socket) => socket.on('data', () => socket.write('what?\r\n\r\n')),
  huge: (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      // The machine is shared with the clients: as much as is read, and no more.
      const flood = (): void => {
        while (socket.write(CHUNK));
      };
      socket.on('drain', flood);
      flood();
    });
    socket.resume();
  },
};

const servers: net.Server[] = [];
const sockets = new Set<net.Socket>();
let production: ScriptedUpstream;
let sluice: SluiceProcess;
let recovering = (socket: net.Socket): void => void socket.resetAndDestroy();

async function listen(onSocket: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as net.AddressInfo).port;
}

before(async () => {
  production = await ScriptedUpstream.start(() => ok('production'));
  const ports = new Map<string, number>([['dead', await closedPort()]]);
  for (const [name, onSocket] of Object.entries(TARGETS)) ports.set(name, await listen(onSocket));
  ports.set('recovering', await listen((socket) => recovering(socket)));
  const routes = Array.from(ports, ([name, port]) => {
    return {
      path: { prefix: `/${name}` },
      upstream: 'a',
      mirror: { url: `http://127.0.0.1:${port}$request_uri`, compare: {} },
    };
  });
  const upstreams = { a: { endpoints: [{ address: production.address }] } };
  const plain = { path: { prefix: '/none' }, upstream: 'a' };
  sluice = await SluiceProcess.start({ config: { upstreams, routes: [...routes, plain] } });
});

after(async () => {
  await sluice.kill();
  await production.close();
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

/** One request after the other on each of some connections; how long each took. */
async function load(path: string): Promise<readonly number[]> {
  const timesMs: number[] = [];
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const client = await RawClient.connect(sluice.httpPort);
      for (let turn = 0; turn < REQUESTS; turn++) {
        const startMs = performance.now();
        client.write(`POST ${path} HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${BODY.length}\r\n\r\n`);
        client.write(BODY);
        const response = await client.response();
        assert.equal(response.body.toString(), 'production');
        timesMs.push(performance.now() - startMs);
      }
      client.destroy();
    }),
  );
  production.forget();
  return timesMs;
}

for (const name of [...Object.keys(TARGETS), 'dead']) {
  test(`no request notices a target that is ${name}`, async (t: TestContext) => {
    const without = await load('/none');
    const withTarget = await load(`/${name}`);
    const { inFlight, bufferedBytes } = await mirrorReport(sluice);
    assert.ok(inFlight <= MAX_COPIES_PER_TARGET, `${inFlight} copies`);
    assert.ok(bufferedBytes <= MAX_BUFFERED_BYTES, `${bufferedBytes} bytes`);
    t.diagnostic(`without mirror: ${describeLatency(without)}`);
    t.diagnostic(`target ${name}: ${describeLatency(withTarget)}`);
    // In the end nothing is left, and every request is accounted for.
    const report = await untilMirror(sluice, (each) => each.inFlight === 0 && each.bufferedBytes === 0);
    const { '=incomplete': _, ...counts } = countsOf(report, `/${name}`);
    t.diagnostic(JSON.stringify(counts));
    const copies = ['answered', 'failed', 'timeout', 'busy', 'paused', 'body', 'memory', 'incomplete', 'target'];
    assert.equal(
      copies.reduce((sum, each) => sum + (counts[each] ?? 0), 0),
      CLIENTS * REQUESTS,
    );
    if (name !== 'huge') assert.equal(counts['answered'], 0);
  });
}

test('a target that fails is paused, and used again when it answers', async (t) => {
  await load('/recovering');
  const paused = countsOf(await mirrorReport(sluice), '/recovering');
  assert.ok((paused['paused'] ?? 0) > 0);
  assert.ok((paused['failed'] ?? 0) >= 5);
  const from = sluice.logs.length;
  recovering = (socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  };
  const client = await RawClient.connect(sluice.httpPort);
  t.after(() => client.destroy());
  let answered = 0;
  while (answered === 0) {
    client.write('GET /recovering HTTP/1.1\r\nHost: a.example\r\n\r\n');
    assert.equal(await client.status(), 200);
    answered = countsOf(await mirrorReport(sluice), '/recovering')['answered'] ?? 0;
  }
  assert.ok(sluice.logs.slice(0, from).some(({ msg }) => msg === 'mirror target fails, pausing'));
});
