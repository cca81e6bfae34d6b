/**
 * Puts what a peer asks for in SETTINGS into force, for either role: acknowledged at once, with all that follows for
 * field blocks and for the windows of streams that are open (RFC 9113 §6.5.3, §6.9.2).
 */
import { ErrorCode } from './frame-constants.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { HpackEncoder } from './hpack/hpack-encoder.ts';
import type { PeerSettings } from './peer-settings.ts';
import type { SendScheduler } from './send-scheduler.ts';

/** What we send with on the connection. */
export interface SettingsTarget {
  readonly writer: FrameWriter;
  readonly encoder: { readonly hpack: HpackEncoder };
  readonly scheduler: SendScheduler;
}

interface Growing {
  /** @returns false when the window would become too large */
  grow(increment: number): boolean;
}

/** @returns 0, or the code the connection has to end with */
export function acceptSettings(
  settings: PeerSettings,
  { writer, encoder, scheduler }: SettingsTarget,
  streams: Iterable<Growing>,
  payload: Buffer,
): number {
  const before = settings.initialWindowBytes;
  const fault = settings.apply(payload, 0, payload.length);
  if (fault !== ErrorCode.NoError) return fault;
  encoder.hpack.limitTable(settings.headerTableBytes);
  writer.settingsAck();
  const change = settings.initialWindowBytes - before;
  if (change === 0) return ErrorCode.NoError;
  for (const stream of streams) if (!stream.grow(change)) return ErrorCode.FlowControlError;
  scheduler.run();
  return ErrorCode.NoError;
}
