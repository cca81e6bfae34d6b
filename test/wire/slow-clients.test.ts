/** Thousands of clients that send or read as slowly as they may: others are served meanwhile, and the limits end them. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { openFileLimit } from '../../src/cli/open-file-limit.ts';
import { AwaitedState } from '../support/awaited-state.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { configTo, SluiceProcess } from '../support/sluice-process.ts';

const WANTED = 10_000;
const AT_ONCE = 100;
const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';
const LARGE_BODY = 'x'.repeat(8_388_608);

let upstream: ScriptedUpstream;

before(async () => {
  upstream = await ScriptedUpstream.start(({ target }) => ok(target === '/large' ? LARGE_BODY : 'fine'));
});

after(() => upstream.close());

async function start(t: TestContext, args: readonly string[]): Promise<SluiceProcess> {
  const config = configTo(upstream.address);
  const sluice = await SluiceProcess.start({ config, args });
  t.after(() => sluice.kill());
  return sluice;
}

/** Slow clients, held as cheaply as can be: this process has thousands of them. */
class SlowClients {
  readonly sockets: net.Socket[];
  /** What each kind of end was: the status of an answer, or how the connection ended without one. */
  readonly endings: Map<string, number>;
  readonly #state: AwaitedState;

  constructor() {
    this.sockets = [];
    this.endings = new Map();
    this.#state = new AwaitedState();
  }

  async open(port: number, count: number, begin: string): Promise<void> {
    for (let opened = 0; opened < count; opened += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - opened) }, () => this.#open(port, begin)));
    }
  }

  /** A byte from each of them. */
  trickle(byte: string): void {
    for (const socket of this.sockets) if (socket.writable) socket.write(byte);
  }

  get ended(): number {
    let ended = 0;
    for (const count of this.endings.values()) ended += count;
    return ended;
  }

  /** Resolves when another of them has ended, or all have. */
  async allEnded(): Promise<void> {
    while (this.ended < this.sockets.length) {
      const known = this.ended;
      await this.#state.until(() => (this.ended > known ? true : undefined));
    }
  }

  #open(port: number, begin: string): Promise<void> {
    return new Promise((resolve) => {
      let ending = 'closed';
      const socket = net.connect({ host: '127.0.0.1', port }, () => {
        socket.write(begin);
        resolve();
      });
      socket.on('data', (chunk: Buffer) => {
        if (ending === 'closed') ending = chunk.toString('latin1', 9, 12);
      });
      socket.on('error', () => {
        if (ending === 'closed') ending = 'reset';
        resolve();
      });
      socket.on('close', () => {
        this.endings.set(ending, (this.endings.get(ending) ?? 0) + 1);
        this.#state.report();
      });
      this.sockets.push(socket);
    });
  }
}

/** Connects and asks `count` times, one after the other. */
async function timeRequests(port: number, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  while (times.length < count) {
    const startMs = performance.now();
    const client = await RawClient.connect(port);
    client.write(GET);
    assert.equal(await client.status(), 200);
    client.destroy();
    times.push(performance.now() - startMs);
  }
  return times.toSorted((a, b) => a - b);
}

function describe(times: readonly number[]): string {
  return `median ${times[times.length >> 1]?.toFixed(1)} ms, slowest ${times.at(-1)?.toFixed(1)} ms`;
}

test('heads that never end do not keep others from being served, and are 408 in time', async (t) => {
  const sluice = await start(t, ['--workers', '2', '--client-header-timeout', '20s']);
  // Half of the open files are kept for connections to endpoints, and the workers do not get exactly the same share.
  const count = Math.min(WANTED, Math.floor((openFileLimit() / 2) * 0.9));
  if (count < WANTED)
    t.diagnostic(`${count} clients instead of ${WANTED}: the limit of open files is ${openFileLimit()}`);
  const alone = await timeRequests(sluice.httpPort, 50);
  const slow = new SlowClients();
  await slow.open(sluice.httpPort, count, 'GET / HTTP/1.1\r\nHost: a.example\r\nX-Slow: ');
  slow.trickle('a');
  const besides = await timeRequests(sluice.httpPort, 50);
  t.diagnostic(`alone: ${describe(alone)}; beside ${count - slow.ended} slow clients: ${describe(besides)}`);
  slow.trickle('b');
  await slow.allEnded();
  t.diagnostic(`endings: ${JSON.stringify(Object.fromEntries(slow.endings))}`);
  assert.equal(slow.endings.get('408'), count);
  assert.equal(await sluice.metric('sluice_connections_refused_total'), 0);
});

test('bodies that stop and answers that are not read end at their limits, and others are served meanwhile', async (t) => {
  const sluice = await start(t, ['--client-body-timeout', '2s', '--client-write-timeout', '2s']);
  const bodies = new SlowClients();
  await bodies.open(
    sluice.httpPort,
    200,
    'POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  );
  const readers = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(sluice.httpPort)));
  for (const reader of readers) {
    reader.write('GET /large HTTP/1.1\r\nHost: a.example\r\n\r\n');
    reader.socket.pause();
  }
  await timeRequests(sluice.httpPort, 20);
  await bodies.allEnded();
  assert.deepEqual(Object.fromEntries(bodies.endings), { 408: 200 });
  // Who does not read does not see the end either: the program says when it is there.
  while ((await sluice.metric('sluice_connections')) > 0);
  for (const reader of readers) reader.destroy();
});
