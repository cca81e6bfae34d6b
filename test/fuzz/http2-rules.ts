/** What must be true of everything an HTTP/2 session sends, whatever it was sent (RFC 9113 §5.1, §6). */
import { HpackDecoder } from '../../src/proxy/http2/hpack/hpack-decoder.ts';
import { type Frame, FrameType } from '../support/http2-frames.ts';

const INITIAL_WINDOW = 65_535;

interface StreamSeen {
  bytes: number;
  status: boolean;
  ended: boolean;
  reset: boolean;
}

/** @returns the rule that is broken; null = none */
export function brokenHttp2Rule(received: Buffer, sent: readonly Frame[]): string | null {
  const decoder = new HpackDecoder(4_096, 1_000_000, 10_000);
  const credit = creditIn(received);
  const streams = new Map<number, StreamSeen>();
  let failed = false;
  let connectionBytes = 0;
  if (sent[0]?.type !== FrameType.Settings) return 'does not begin with SETTINGS';
  for (const { type, flags, streamId, payload } of sent) {
    if (failed) return `sends ${type} behind a GOAWAY with an error`;
    if (type === FrameType.Goaway) failed = payload.readUInt32BE(4) !== 0;
    if (streamId === 0) continue;
    if (streamId % 2 === 0) return `uses stream ${streamId}`;
    let stream = streams.get(streamId);
    if (stream === undefined) {
      stream = { bytes: 0, status: false, ended: false, reset: false };
      streams.set(streamId, stream);
    }
    if (stream.reset) return `sends ${type} on stream ${streamId}, which it has reset`;
    if (type === FrameType.RstStream) stream.reset = true;
    if (type === FrameType.Data || type === FrameType.Headers) {
      if (stream.ended) return `sends ${type} on stream ${streamId}, which it has ended`;
      stream.ended = (flags & 1) === 1;
    }
    if (type === FrameType.Headers) {
      const fields: string[] = [];
      if (!decoder.decode(payload, 0, payload.length, fields)) return `sends a block that is none on ${streamId}`;
      if (fields[0] === ':status') stream.status = fields[1]?.startsWith('1') === false;
      else if (!stream.status) return `sends fields without a status on ${streamId}`;
    }
    if (type !== FrameType.Data) continue;
    if (!stream.status) return `sends DATA before a head on ${streamId}`;
    stream.bytes += payload.length;
    connectionBytes += payload.length;
    if (payload.length > 0 && stream.bytes > credit.initial + (credit.streams.get(streamId) ?? 0)) {
      return `sends more than its window on ${streamId}`;
    }
    if (connectionBytes > INITIAL_WINDOW + (credit.streams.get(0) ?? 0)) return 'sends more than the connection allows';
  }
  return null;
}

interface Credit {
  /** The largest initial window asked for. */
  initial: number;
  /** By stream, 0 = the connection: never less than what it has. */
  readonly streams: Map<number, number>;
}

function creditIn(received: Buffer): Credit {
  const credit: Credit = { initial: INITIAL_WINDOW, streams: new Map() };
  for (let at = 24; at + 9 <= received.length; ) {
    const length = received.readUIntBE(at, 3);
    const type = received[at + 3] as number;
    const streamId = received.readUInt32BE(at + 5) % 2 ** 31;
    const start = at + 9;
    at = start + length;
    if (at > received.length) break;
    if (type === FrameType.WindowUpdate && length === 4) {
      const before = credit.streams.get(streamId) ?? 0;
      credit.streams.set(streamId, before + (received.readUInt32BE(start) % 2 ** 31));
    } else if (type === FrameType.Settings) {
      for (let entry = start; entry + 6 <= at; entry += 6) {
        if (received.readUInt16BE(entry) === 4)
          credit.initial = Math.max(credit.initial, received.readUInt32BE(entry + 2));
      }
    }
  }
  return credit;
}
