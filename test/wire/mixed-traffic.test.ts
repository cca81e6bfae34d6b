/**
 * Everything at once through one worker: both protocols on both sides, uploads, downloads, pipelining, tunnels, clients
 * that read slowly or leave, and changes of the configuration. Each body is its request's own, and every byte is looked at.
 */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ProxyConfig, UpstreamConfig } from '../../src/model/proxy-config.ts';
import { eventuallyTrue } from '../support/eventually-true.ts';
import { InProcessProxy } from '../support/in-process-proxy.ts';
import { Pattern } from '../support/pattern.ts';
import { PatternBackEnds } from '../support/pattern-back-ends.ts';
import {
  certificateConfig,
  listenerConfig,
  routeConfig,
  upstreamConfig,
  upstreamTls,
} from '../support/proxy-config.ts';
import { RawClient } from '../support/raw-client.ts';
import { SHOP_CERT, SHOP_KEY } from '../watch/key-pair-fixtures.ts';

/** More for a longer search: `SLUICE_STRESS_ROUNDS=100`. */
const ROUNDS = Number(process.env['SLUICE_STRESS_ROUNDS'] ?? 2);
const ACTORS_OF_A_KIND = 3;
const BACK_ENDS = ['plain', 'secure', 'clear2'] as const;
const SIZES = [0, 1, 1_023, 4_096, 4_097, 16_384, 65_535, 66_560, 66_561, 200_001, 1_048_576];
/** More than the kernel keeps for a client that does not read. */
const LARGE_BYTES = 5_000_000;

/** The same numbers in every run. */
class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 + 1;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 4_294_967_296) * limit);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

interface Plan {
  readonly name: string;
  readonly path: string;
  readonly upload: boolean;
  readonly size: number;
  readonly slow: boolean;
  /** After so many bytes of the response the client leaves; -1 = it stays. */
  readonly leaveAt: number;
}

function plan(draws: Draws, name: string): Plan {
  const slow = draws.below(6) === 0;
  const upload = draws.below(2) === 0;
  const size = slow ? LARGE_BYTES + draws.below(2) : draws.of(SIZES);
  const path = `/${draws.of(BACK_ENDS)}/${upload ? `echo/${name}` : `down/${name}/${size}`}`;
  const leaveAt = draws.below(5) === 0 ? draws.below(size + 1) : -1;
  return { name, path, upload, size, slow, leaveAt };
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await turn();
}

/** Writes the pattern as the other side takes it, in pieces of many sizes. */
async function sendPattern(
  write: (bytes: Buffer) => Promise<boolean>,
  pattern: Pattern,
  size: number,
  draws: Draws,
): Promise<void> {
  for (let at = 0; at < size; ) {
    const length = Math.min(size - at, 1 + draws.below(draws.below(2) === 0 ? 3_000 : 150_000));
    if (!(await write(pattern.bytes(at, length)))) return;
    at += length;
  }
}

function check(pattern: Pattern, start: number, piece: Buffer, what: string): void {
  const at = pattern.firstDifference(start, piece);
  assert.equal(at, -1, `${what}: byte ${start + at} of the response is somebody else's`);
}

async function overHttp1(connect: () => Promise<RawClient>, draws: Draws, prefix: string): Promise<void> {
  let client = await connect();
  for (let round = 0; round < ROUNDS; round++) {
    const plans = Array.from({ length: 1 + draws.below(3) }, (_, at) => plan(draws, `${prefix}-${round}-${at}`));
    // An echo begins before its request has come, and that ends the connection: nothing may stand behind it.
    const lastAt = plans.findIndex((each) => each.upload);
    const batch = lastAt === -1 ? plans : plans.slice(0, lastAt + 1);
    const current = client;
    const write = (bytes: Buffer): Promise<boolean> =>
      new Promise((resolve) => {
        if (current.socket.destroyed) resolve(false);
        else current.socket.write(bytes, (error) => resolve(!error));
      });
    // Pipelined: the next request is sent before the answer to this one has come.
    const sent = sendAll(batch, write, draws);
    let left = false;
    let expected = current.receivedBytes;
    for (const each of batch) {
      if (each.leaveAt !== -1) {
        await current.received(current.receivedBytes + Math.min(each.leaveAt, 1)).catch(() => true);
        current.destroy();
        left = true;
        break;
      }
      if (each.slow) {
        current.socket.pause();
        await turns(50);
        current.socket.resume();
      }
      // Looking for a whole response costs as much as all that has come.
      expected += each.size;
      await current.received(expected).catch(() => true);
      const { body, startLine, fields } = await current.response();
      assert.match(startLine, / 200 /, each.path);
      assert.equal(body.length, each.size, `${each.name} ${each.path}`);
      check(new Pattern(each.name), 0, body, each.name);
      if (!fields.some(([name, value]) => name === 'Connection' && value === 'close')) continue;
      current.destroy();
      left = true;
      break;
    }
    await sent;
    if (left) client = await connect();
  }
  const name = `${prefix}-tunnel`;
  client.write(`GET /plain/tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`);
  assert.equal(await client.status(), 101);
  const pattern = new Pattern(name);
  const size = 300_000 + draws.below(100_000);
  const through = (bytes: Buffer): Promise<boolean> =>
    new Promise((resolve) => client.socket.write(bytes, (error) => resolve(!error)));
  const written = sendPattern(through, pattern, size, draws);
  check(pattern, 0, await client.take(size), name);
  await written;
  client.destroy();
}

function toChunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

async function sendAll(
  batch: readonly Plan[],
  write: (bytes: Buffer) => Promise<boolean>,
  draws: Draws,
): Promise<void> {
  for (const each of batch) {
    const chunked = draws.below(2) === 0;
    const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${each.size}`;
    const head = each.upload
      ? `POST ${each.path} HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`
      : `GET ${each.path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    if (!(await write(Buffer.from(head)))) return;
    if (!each.upload) continue;
    const send = chunked ? (bytes: Buffer): Promise<boolean> => write(toChunk(bytes)) : write;
    await sendPattern(send, new Pattern(each.name), each.size, draws);
    if (chunked && !(await write(Buffer.from('0\r\n\r\n')))) return;
  }
}

async function overHttp2(session: http2.ClientHttp2Session, draws: Draws, prefix: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const batch = Array.from({ length: 1 + draws.below(4) }, (_, at) => plan(draws, `${prefix}-${round}-${at}`));
    await Promise.all(batch.map((each) => exchange(session, each, draws)));
  }
}

async function exchange(session: http2.ClientHttp2Session, each: Plan, draws: Draws): Promise<void> {
  const method = each.upload ? 'POST' : 'GET';
  const stream = session.request(
    { ':path': each.path, ':authority': 'a', ':method': method },
    { endStream: !each.upload },
  );
  const pattern = new Pattern(each.name);
  let status = 0;
  stream.on('response', (headers) => {
    status = Number(headers[':status']);
  });
  stream.on('error', () => {});
  const write = (bytes: Buffer): Promise<boolean> =>
    new Promise((resolve) => {
      if (stream.destroyed) resolve(false);
      else stream.write(bytes, (error) => resolve(!error));
    });
  const sent = each.upload ? sendPattern(write, pattern, each.size, draws).then(() => stream.end()) : null;
  let received = 0;
  await new Promise<void>((resolve, reject) => {
    stream.on('data', (piece: Buffer) => {
      try {
        check(pattern, received, piece, each.name);
      } catch (error) {
        reject(error);
      }
      received += piece.length;
      if (each.leaveAt !== -1 && received >= each.leaveAt) stream.close(http2.constants.NGHTTP2_CANCEL);
      else if (each.slow && draws.below(20) === 0) {
        stream.pause();
        void turns(5).then(() => stream.resume());
      }
    });
    stream.on('close', resolve);
  });
  await sent;
  if (each.leaveAt !== -1) return;
  assert.equal(status, 200, each.path);
  assert.equal(received, each.size, `${each.name} ${each.path}, reset code ${stream.rstCode}`);
}

function toConfig(backEnds: PatternBackEnds, secureProtocol: UpstreamConfig['protocol']): Partial<ProxyConfig> {
  const paths = BACK_ENDS.map((name) =>
    routeConfig(name, name, {
      path: { kind: 'prefix', value: `/${name}` },
    }),
  );
  return {
    listeners: [listenerConfig('web'), listenerConfig('websecure', { protocol: 'https' })],
    certificates: [certificateConfig('c', { certPem: SHOP_CERT, keyPem: SHOP_KEY }, { isDefault: true })],
    upstreams: [
      upstreamConfig('plain', backEnds.plain),
      {
        ...upstreamConfig('secure', backEnds.secure),
        protocol: secureProtocol,
        tls: upstreamTls(null, { verify: false }),
      },
      { ...upstreamConfig('clear2', backEnds.http2), protocol: 'http2' },
    ],
    routes: paths,
  };
}

async function startAll(t: TestContext): Promise<{ proxy: InProcessProxy; backEnds: PatternBackEnds }> {
  const backEnds = await PatternBackEnds.start();
  const proxy = new InProcessProxy({});
  t.after(async () => {
    await proxy.close();
    backEnds.close();
  });
  await proxy.apply(toConfig(backEnds, 'http1'));
  return { proxy, backEnds };
}

test('every byte goes where it belongs, and nothing is left behind', async (t) => {
  const { proxy, backEnds } = await startAll(t);
  const [clear = 0, secure = 0] = proxy.server.ports.map(({ port }) => port);
  const sessions = [http2.connect(`http://127.0.0.1:${clear}`)];
  for (let count = 0; count < 2; count++) {
    sessions.push(http2.connect(`https://127.0.0.1:${secure}`, { rejectUnauthorized: false }));
  }
  for (const session of sessions) session.on('error', () => {});
  t.after(() => {
    for (const session of sessions) session.destroy();
  });
  const actors = Array.from({ length: ACTORS_OF_A_KIND }, (_, at) => [
    overHttp1(() => RawClient.connect(clear), new Draws(at), `clear${at}`),
    overHttp1(() => RawClient.connectTls(secure, {}), new Draws(100 + at), `tls${at}`),
    ...sessions.map((session, of) => overHttp2(session, new Draws(200 + 10 * of + at), `h2-${of}-${at}`)),
  ]).flat();
  const progress = { over: false };
  const over = Promise.all(actors).finally(() => {
    progress.over = true;
  });
  for (let change = 1; !progress.over; change++) {
    await turns(30);
    await proxy.apply(toConfig(backEnds, change % 2 === 0 ? 'http1' : 'http2'));
  }
  await over;
  for (const session of sessions) session.destroy();
  // Without a leak nothing is waited for; with one this never ends.
  await proxy.server.drain(2 ** 31 - 1);
  const { worker, live } = proxy;
  assert.deepEqual(
    proxy.logger.lines.filter(({ level }) => level === 'error'),
    [],
  );
  assert.equal(worker.activeConnections, 0);
  assert.equal(worker.activeRequests, 0);
  const endpoints = [...live.upstreams.all()].flatMap((upstream) => upstream.endpoints);
  assert.deepEqual(
    endpoints.map(({ inFlight }) => inFlight),
    endpoints.map(() => 0),
  );
  for (const { transport } of endpoints) transport?.close();
  await eventuallyTrue(() => worker.upstreamConnections === 0);
});
