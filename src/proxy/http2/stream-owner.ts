/** What a stream of a client needs of its session: what the connection sends with, and someone to tell of its end. */
import type { ConnectionOrigin } from '../request-origin.ts';
import type { ConnectionCredit } from './connection-credit.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { PeerSettings } from './peer-settings.ts';
import type { ResponseEncoder } from './response-encoder.ts';
import type { SendScheduler } from './send-scheduler.ts';
import type { Http2ServerStream } from './server-stream.ts';

export interface StreamOwner {
  readonly origin: ConnectionOrigin;
  readonly writer: FrameWriter;
  readonly encoder: ResponseEncoder;
  readonly scheduler: SendScheduler;
  readonly credit: ConnectionCredit;
  readonly settings: PeerSettings;
  /**
   * @param ending `RESET_BY_US` or `OVER`
   * @param byClient whether the stream was reset by the client, or by us for what the client sent
   */
  onStreamClosed(stream: Http2ServerStream, ending: number, byClient: boolean): void;
}
