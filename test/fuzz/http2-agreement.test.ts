/** Our sessions beside those of `node:http2`: where they end a connection, we do, or we have a reason with a name. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { FrameRecorder } from '../support/frame-recorder.ts';
import { FrameType, frame } from '../support/http2-frames.ts';
import { SessionHarness, SessionPlane, type StubConnection } from '../support/session-harness.ts';
import { HTTP2_DICTIONARY, toWire } from './http2-program.ts';
import { Random } from './random.ts';

const SEQUENCES = 600;
const SEED = 20_260_103;
const LAST_PING = frame(FrameType.Ping, 0, 0, 'the last');
const OPENING_EVENTS = 1;

/** @returns 0 when the connection goes on, or the code it was ended with */
function runOurs(wire: Buffer, plane: SessionPlane): { readonly code: number; readonly resets: number } {
  const harness = new SessionHarness({}, plane);
  plane.onDispatch = (connection): void => {
    harness.connections.push(connection);
    if (!isWaiting(connection)) connection.answer();
  };
  harness.read(wire, LAST_PING).turn();
  const resets = harness.frames.filter(({ type }) => type === FrameType.RstStream).length;
  const code = harness.goawayCode();
  harness.session.destroy();
  return { code: Math.max(0, code), resets };
}

function isWaiting({ exchange }: StubConnection): boolean {
  return /^\w+ \/(?:wait|echo|stop) /.test(exchange.requestText);
}

/** The same of a server session of `node:http2`. */
async function runTheirs(wire: Buffer): Promise<number> {
  const [client, server] = duplexPair();
  const session = http2.performServerHandshake(server);
  session.on('error', ignore);
  client.on('error', ignore);
  session.on('stream', (stream, fields) => {
    stream.on('error', ignore);
    stream.resume();
    if (fields[':path'] === '/wait' || stream.closed || stream.destroyed) return;
    stream.respond({ ':status': 200 }, { endStream: true });
  });
  const code = await new Promise<number>((resolve) => {
    const recorder = new FrameRecorder();
    recorder.onGoaway = (_last, error): void => {
      if (error !== 0) resolve(error);
    };
    recorder.onPing = (ack, buffer, start): void => {
      if (ack && buffer.toString('latin1', start, start + 8) === 'the last') resolve(0);
    };
    client.on('data', (bytes: Buffer) => recorder.reader.feed(bytes, 0, bytes.length));
    client.on('close', () => resolve(-1));
    session.on('close', () => resolve(-1));
    client.write(Buffer.concat([wire, LAST_PING]));
  });
  session.destroy();
  client.destroy();
  return code;
}

/** Why we go on where they do not; empty = there is no reason. */
function reasonFor(wire: Buffer, code: number, resets: number): string {
  const events = FrameRecorder.read(wire.subarray(24)).events.slice(OPENING_EVENTS);
  if (resets > 0) return 'an error of a stream ends that stream alone';
  if (events.some((event) => event.startsWith('stream error'))) return 'PRIORITY of a wrong size, or credit of 0';
  if (code === 2 && events.some((event) => /^ping .* ack$/s.test(event))) return 'an answer nobody asked for';
  if (events.some((event) => event.startsWith('settings 0009'))) return 'a setting we do not know';
  if (code === -1 && events.some((event) => event.startsWith('goaway'))) return 'they leave when the client does';
  return '';
}

test(`${SEQUENCES} sequences of frames: node:http2 ends no connection that we keep without a reason`, async () => {
  const plane = new SessionPlane();
  plane.worker.clock.close();
  const random = new Random(SEED);
  let bothGoOn = 0;
  let bothEnd = 0;
  for (let at = 0; at < SEQUENCES; at++) {
    const wire = toWire(Buffer.from(HTTP2_DICTIONARY.compose(random), 'latin1'));
    const ours = runOurs(wire, plane);
    const theirs = await runTheirs(wire);
    if (ours.code !== 0 && theirs !== 0) bothEnd++;
    if (ours.code !== 0) continue;
    if (theirs === 0) bothGoOn++;
    else
      assert.notEqual(
        reasonFor(wire, theirs, ours.resets),
        '',
        `${theirs}: ${FrameRecorder.read(wire.subarray(24)).events.join(', ')}`,
      );
  }
  assert.ok(bothGoOn > SEQUENCES / 50 && bothEnd > SEQUENCES / 4, `${bothGoOn} go on, ${bothEnd} end`);
});

function ignore(): void {}
