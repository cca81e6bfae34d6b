/**
 * What the head of a frame alone can be wrong about: size, stream, flags (RFC 9113 §4.2, §6). All of it ends the
 * connection. Nothing here depends on what came before.
 * Hot.
 */
import { ErrorCode, FLAG_ACK, FLAG_PADDED, FrameType, MAX_FRAME_BYTES } from './frame-constants.ts';

export interface FrameFault {
  readonly code: number;
  readonly reason: string;
}

/** 32 entries: more than there are settings, twice over. */
export const MAX_SETTINGS_BYTES = 192;

const TOO_LARGE: FrameFault = { code: ErrorCode.FrameSizeError, reason: 'frame too large' };
const WRONG_SIZE: FrameFault = { code: ErrorCode.FrameSizeError, reason: 'frame of the wrong size' };
const WRONG_STREAM: FrameFault = { code: ErrorCode.ProtocolError, reason: 'frame on the wrong stream' };
/** Clients never send it, and where we are the client it is switched off. */
const PUSH: FrameFault = { code: ErrorCode.ProtocolError, reason: 'PUSH_PROMISE' };
const TOO_MANY_SETTINGS: FrameFault = { code: ErrorCode.EnhanceYourCalm, reason: 'too many settings' };

export function frameFault(type: number, flags: number, length: number, streamId: number): FrameFault | null {
  if (length > MAX_FRAME_BYTES) return TOO_LARGE;
  switch (type) {
    case FrameType.Data:
    case FrameType.Headers:
      if (streamId === 0) return WRONG_STREAM;
      return length === 0 && (flags & FLAG_PADDED) !== 0 ? WRONG_SIZE : null;
    case FrameType.RstStream:
      if (streamId === 0) return WRONG_STREAM;
      return length === 4 ? null : WRONG_SIZE;
    case FrameType.WindowUpdate:
      return length === 4 ? null : WRONG_SIZE;
    case FrameType.Ping:
      if (streamId !== 0) return WRONG_STREAM;
      return length === 8 ? null : WRONG_SIZE;
    case FrameType.Goaway:
      if (streamId !== 0) return WRONG_STREAM;
      return length >= 8 ? null : WRONG_SIZE;
    case FrameType.Settings:
      return settingsFault(flags, length, streamId);
    case FrameType.Priority:
      // A wrong size concerns its stream alone (RFC 9113 §6.3).
      return streamId === 0 ? WRONG_STREAM : null;
    case FrameType.PushPromise:
      return PUSH;
    default:
      return null;
  }
}

function settingsFault(flags: number, length: number, streamId: number): FrameFault | null {
  if (streamId !== 0) return WRONG_STREAM;
  if (length % 6 !== 0 || ((flags & FLAG_ACK) !== 0 && length !== 0)) return WRONG_SIZE;
  return length > MAX_SETTINGS_BYTES ? TOO_MANY_SETTINGS : null;
}
