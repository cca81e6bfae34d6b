/** A back end that speaks HTTP/2 frame by frame, as the test tells it to: what no library would send. */
import net from 'node:net';
import { AwaitedState } from './awaited-state.ts';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  type Frame,
  FrameClient,
  FrameType,
  fieldBlock,
  frame,
  PREFACE,
} from './http2-frames.ts';
import { RawClient } from './raw-client.ts';

export interface FrameUpstreamOptions {
  /** Payload of our SETTINGS; null = none are sent, and no acknowledgement either. */
  readonly settings?: Buffer | null;
}

export class FrameUpstream {
  /** In the order they were accepted. */
  readonly connections: FrameClient[];
  settings: Buffer | null;
  readonly #server: net.Server;
  readonly #state: AwaitedState;

  private constructor({ settings = Buffer.alloc(0) }: FrameUpstreamOptions) {
    this.connections = [];
    this.settings = settings;
    this.#state = new AwaitedState();
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  static async start(options: FrameUpstreamOptions = {}): Promise<FrameUpstream> {
    const upstream = new FrameUpstream(options);
    await new Promise<void>((resolve) => {
      upstream.#server.listen(0, '127.0.0.1', resolve);
    });
    return upstream;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  /** The `count`th connection since the start, once its preface has come. */
  connection(count: number): Promise<FrameClient> {
    return this.#state.until(() => this.connections[count - 1]);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const connection of this.connections) connection.destroy();
    await closed;
  }

  #accept(socket: net.Socket): void {
    const connection = new FrameClient(new RawClient(socket));
    connection.raw.take(PREFACE.length).then(
      (preface) => {
        if (preface.toString('latin1') !== PREFACE) throw new Error(`no preface: ${preface.toString('latin1')}`);
        const { settings } = this;
        if (settings !== null) {
          connection.write(frame(FrameType.Settings, 0, 0, settings), frame(FrameType.Settings, ACK, 0));
        }
        this.connections.push(connection);
        this.#state.report();
      },
      () => socket.destroy(),
    );
  }
}

/** HEADERS of a response. */
export function responseFrame(
  streamId: number,
  status: number | string,
  fields: readonly (readonly [name: string, value: string])[] = [],
  endStream = false,
): Buffer {
  const block = fieldBlock([[':status', String(status)], ...fields]);
  return frame(FrameType.Headers, END_HEADERS | (endStream ? END_STREAM : 0), streamId, block);
}

export function dataFrame(streamId: number, data: Buffer | string, endStream = false): Buffer {
  return frame(FrameType.Data, endStream ? END_STREAM : 0, streamId, data);
}

/** A whole response with the body `fine`. */
export function fineFrames(streamId: number): Buffer {
  return Buffer.concat([responseFrame(streamId, 200), dataFrame(streamId, 'fine', true)]);
}

/** All that has come of one stream's body, once it ends. */
export async function requestBody(connection: FrameClient, streamId: number): Promise<string> {
  const isLast = ({ type, flags, streamId: id }: Frame): boolean =>
    id === streamId && (type === FrameType.Data || type === FrameType.Headers) && (flags & END_STREAM) !== 0;
  await connection.first(isLast);
  return connection.seen
    .filter((each) => each.type === FrameType.Data && each.streamId === streamId)
    .map((each) => each.payload.toString('latin1'))
    .join('');
}
