/** What a connection to a back end writes with, from the moment its socket is open. */
import type { Socket } from 'node:net';
import type { WorkerContext } from '../worker-context.ts';
import { ConnectionCredit } from './connection-credit.ts';
import { SettingId } from './frame-constants.ts';
import { FrameWriter } from './frame-writer.ts';
import { STREAM_WINDOW_BYTES } from './incoming-body.ts';
import { RequestEncoder } from './request-encoder.ts';
import { SendScheduler } from './send-scheduler.ts';

export class ClientOutput {
  readonly writer: FrameWriter;
  readonly encoder: RequestEncoder;
  readonly scheduler: SendScheduler;
  readonly credit: ConnectionCredit;

  constructor(worker: WorkerContext, socket: Socket, encrypted: boolean, onWritable: () => void) {
    this.writer = new FrameWriter(socket, worker.turnEnd, worker.writeBuffers, onWritable);
    this.encoder = new RequestEncoder(this.writer, encrypted);
    this.scheduler = new SendScheduler(this.writer);
    this.credit = new ConnectionCredit(this.writer);
  }

  /** What a connection begins with; requests may follow at once (RFC 9113 §3.4). */
  open(maxListBytes: number): void {
    this.writer.preface();
    const settings = new Map<number, number>([
      [SettingId.EnablePush, 0],
      [SettingId.InitialWindowSize, STREAM_WINDOW_BYTES],
      [SettingId.MaxHeaderListSize, maxListBytes],
    ]);
    this.writer.settings([...settings].flat());
    this.credit.open();
  }
}
