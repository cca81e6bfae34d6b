/** Connections share buffers inside a worker: bytes of one never appear on another, however they interleave. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const CLIENTS = 12;

let echo: ScriptedUpstream;
let tunnels: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  echo = await ScriptedUpstream.start(({ body }) =>
    Buffer.concat([Buffer.from(ok('').replace('h: 0', `h: ${body.length}`)), body]),
  );
  tunnels = await ScriptedUpstream.start(
    ({ connection }) => {
      connection.socket.pipe(connection.socket);
      return 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
    },
    { headOnly: true },
  );
  sluice = await SluiceProcess.start({
    config: {
      upstreams: {
        echo: { endpoints: [{ address: echo.address }] },
        tunnels: { endpoints: [{ address: tunnels.address }] },
      },
      routes: [{ upstream: 'echo' }, { path: { prefix: '/tunnel' }, upstream: 'tunnels' }],
    },
  });
});

after(async () => {
  await sluice.kill();
  await echo.close();
  await tunnels.close();
});

/** Bytes that say whose they are and where they belong. */
function pattern(client: number, request: number, size: number): Buffer {
  return Buffer.from(`<${client}.${request}>`.repeat(Math.ceil(size / 4))).subarray(0, size);
}

/** Writes in pieces of odd sizes, each in a turn of its own. */
async function writeInPieces(client: RawClient, bytes: Buffer, seed: number): Promise<void> {
  for (let at = 0, size = seed; at < bytes.length; at += size, size = ((size * 7_919 + 13) % 9_001) + 1) {
    await new Promise((resolve) => {
      client.socket.write(bytes.subarray(at, at + size), resolve);
    });
  }
}

test('pipelined bodies of many clients come back to whom they belong, whole and in order', async () => {
  const sizes = [0, 1, 17, 4_000, 4_097, 30_000, 65_536, 70_001, 200_000];
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, number) => {
      const client = await RawClient.connect(sluice.httpPort);
      const bodies = sizes.map((size, index) => pattern(number, index, size));
      const stream = bodies.flatMap((body, index) => {
        if (index % 2 === 0) {
          return [Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`), body];
        }
        const half = body.length >> 1;
        const chunks = [body.subarray(0, half), body.subarray(half)].filter((chunk) => chunk.length > 0);
        return [
          Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'),
          ...chunks.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
          Buffer.from('0\r\n\r\n'),
        ];
      });
      const written = writeInPieces(client, Buffer.concat(stream), number + 1);
      for (const [index, body] of bodies.entries()) {
        assert.ok((await client.response()).body.equals(body), `client ${number}, request ${index}`);
      }
      await written;
      client.destroy();
    }),
  );
});

test('tunnels of many clients carry their own bytes only', async () => {
  await Promise.all(
    Array.from({ length: CLIENTS }, async (_, number) => {
      const client = await RawClient.connect(sluice.httpPort);
      const sent = pattern(number, 0, 500_000);
      client.write('GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly');
      assert.equal(await client.status(), 101);
      const written = writeInPieces(client, sent, number + 100);
      const received = await client.bytes((bytes) => bytes.length >= sent.length + 5);
      await written;
      assert.equal(received.toString('latin1', 0, 5), 'early');
      assert.ok(received.subarray(5).equals(sent), `client ${number}`);
      client.destroy();
    }),
  );
});
