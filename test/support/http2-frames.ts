/** HTTP/2 frames written and read by hand (RFC 9113 §4, §6; HPACK without compression), for what no library would send. */
import { RawClient } from './raw-client.ts';

export const FrameType = {
  Data: 0,
  Headers: 1,
  Priority: 2,
  RstStream: 3,
  Settings: 4,
  PushPromise: 5,
  Ping: 6,
  Goaway: 7,
  WindowUpdate: 8,
  Continuation: 9,
} as const;

export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

export function frame(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, bytes]);
}

/** Each field as a literal that is not indexed (RFC 7541 §6.2.2). */
export function fieldBlock(pairs: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]));
}

export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, at * 4);
  return bytes;
}

/** The usual fields of a GET. */
export function getFields(path = '/'): readonly (readonly [string, string])[] {
  return [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'a.example'],
  ];
}

/** A request without body. */
export function getFrame(streamId: number, path = '/'): Buffer {
  return frame(FrameType.Headers, END_STREAM | END_HEADERS, streamId, fieldBlock(getFields(path)));
}

/** One end of a connection of frames, over clear text: mostly the client's. */
export class FrameClient {
  readonly raw: RawClient;
  readonly seen: Frame[];

  constructor(raw: RawClient) {
    this.raw = raw;
    this.seen = [];
  }

  /** Sends the preface and empty settings, and waits for the server's settings. */
  static async connect(port: number): Promise<FrameClient> {
    const client = new FrameClient(await RawClient.connect(port));
    client.raw.write(PREFACE);
    client.write(frame(FrameType.Settings, 0, 0), frame(FrameType.Settings, ACK, 0));
    await client.find(FrameType.Settings, 0);
    return client;
  }

  write(...frames: readonly Buffer[]): void {
    this.raw.write(Buffer.concat(frames));
  }

  /** The first frame of this type for this stream, now or later. */
  find(type: number, streamId: number): Promise<Frame> {
    return this.first((candidate) => candidate.type === type && candidate.streamId === streamId);
  }

  /** One call at a time. */
  async first(isWanted: (candidate: Frame) => boolean): Promise<Frame> {
    for (let at = 0; ; at++) {
      if (at === this.seen.length) this.seen.push(await this.#next());
      const candidate = this.seen[at] as Frame;
      if (isWanted(candidate)) return candidate;
    }
  }

  /** The error code the connection was closed with. */
  async goawayCode(): Promise<number> {
    return (await this.find(FrameType.Goaway, 0)).payload.readUInt32BE(4);
  }

  async resetCode(streamId: number): Promise<number> {
    return (await this.find(FrameType.RstStream, streamId)).payload.readUInt32BE(0);
  }

  destroy(): void {
    this.raw.destroy();
  }

  async #next(): Promise<Frame> {
    const head = await this.raw.take(9);
    const payload = await this.raw.take(head.readUIntBE(0, 3));
    return { type: head[3] as number, flags: head[4] as number, streamId: head.readUInt32BE(5), payload };
  }
}

/** A string literal (RFC 7541 §5.2); lengths beyond 126 continue in seven bits each. */
function literal(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}
