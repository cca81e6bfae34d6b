/** Our codec against the one in `node:http2`, in both directions, over many blocks of one connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2, { type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import { HpackDecoder } from '../../../src/proxy/http2/hpack/hpack-decoder.ts';
import { HpackEncoder } from '../../../src/proxy/http2/hpack/hpack-encoder.ts';
import { ACK, END_HEADERS, END_STREAM, FrameClient, FrameType, frame, PREFACE } from '../../support/http2-frames.ts';
import { RawClient } from '../../support/raw-client.ts';

const HEAD: readonly string[] = [':method', 'GET', ':scheme', 'http', ':authority', 'a.example', ':path'];

const name = fc.oneof(
  fc.constantFrom('accept', 'user-agent', 'cookie', 'authorization', 'vary', 'x-real-ip', 'te-st', 'x-request-id'),
  fc.stringMatching(/^x-[a-z0-9-]{1,20}[a-z]$/),
);
/** What HTTP allows in a value, without blanks at its ends. */
const value = fc.oneof(
  fc.constantFrom('a', 'same', 'application/json', '*/*'),
  fc
    .array(
      fc.integer({ min: 0x21, max: 0xff }).filter((code) => code !== 0x7f),
      { minLength: 1, maxLength: 40 },
    )
    .map((codes) => String.fromCharCode(...codes)),
);
const lists = fc.array(fc.uniqueArray(fc.tuple(name, value), { maxLength: 12, selector: ([key]) => key }), {
  minLength: 60,
  maxLength: 60,
});

function sampleLists(): readonly (readonly (readonly [string, string])[])[] {
  const [sample] = fc.sample(lists, 1);
  assert.ok(sample !== undefined);
  return sample;
}

/** Waits for the client's preface and answers with empty settings, then reads frames. */
async function acceptFrames(t: TestContext): Promise<{ port: number; accepted: Promise<RawClient> }> {
  const server = createServer();
  t.after(() => server.close());
  const accepted = once(server, 'connection').then(async ([socket]) => {
    const peer = new RawClient(socket as Socket);
    await peer.take(PREFACE.length);
    peer.write(frame(FrameType.Settings, 0, 0));
    return peer;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, accepted };
}

test('we read what node:http2 writes', async (t) => {
  const { port, accepted } = await acceptFrames(t);
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  t.after(() => session.destroy());
  const samples = sampleLists();
  for (const [at, pairs] of samples.entries()) {
    const request = session.request([...HEAD, `/${at}`, ...pairs.flat()]);
    request.on('error', () => {});
  }
  const peer = await accepted;
  t.after(() => peer.destroy());
  const decoder = new HpackDecoder(4096, 65_536, 100);
  const fields: string[] = [];
  for (let seen = 0; seen < samples.length; ) {
    const head = await peer.take(9);
    const payload = await peer.take(head.readUIntBE(0, 3));
    if (head[3] !== FrameType.Headers) continue;
    assert.equal(decoder.decode(payload, 0, payload.length, fields), true);
    assert.deepEqual(fields, [...HEAD, `/${seen}`, ...(samples[seen] as readonly (readonly string[])[]).flat()]);
    seen++;
  }
});

test('node:http2 reads what we write', async (t) => {
  const server = http2.createServer();
  t.after(() => server.close());
  const heads: string[][] = [];
  const samples = sampleLists();
  const { promise: all, resolve } = Promise.withResolvers<void>();
  server.on('stream', (stream: ServerHttp2Stream, _headers, _flags, raw: string[]) => {
    heads.push(raw);
    stream.on('error', () => {});
    stream.respond({ ':status': 204 }, { endStream: true });
    if (heads.length === samples.length) resolve();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = await FrameClient.connect((server.address() as AddressInfo).port);
  t.after(() => client.destroy());
  const encoder = new HpackEncoder();
  const target = Buffer.alloc(65_536);
  for (const [at, pairs] of samples.entries()) {
    // The second half with a smaller table, which the encoder announces by itself.
    if (at === samples.length / 2) encoder.limitTable(300);
    let position = encoder.begin(target, 0);
    const list = [...HEAD, `/${at}`, ...pairs.flat()];
    for (let i = 0; i < list.length; i += 2) {
      position = encoder.field(target, position, list[i] as string, list[i + 1] as string);
    }
    client.write(
      frame(FrameType.Headers, END_STREAM | END_HEADERS, at * 2 + 1, Buffer.from(target.subarray(0, position))),
    );
  }
  client.write(frame(FrameType.Ping, ACK, 0, Buffer.alloc(8)));
  await all;
  assert.deepEqual(
    heads,
    samples.map((pairs, at) => [...HEAD, `/${at}`, ...pairs.flat()]),
  );
});
