/** What the peer of a connection asked for in SETTINGS (RFC 9113 §6.5.2), of either role. */
import {
  DEFAULT_TABLE_BYTES,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  SettingId,
} from './frame-constants.ts';

const ENTRY_BYTES = 6;
const LARGEST_FRAME_BYTES = 16_777_215;

export class PeerSettings {
  /** For our encoder. */
  headerTableBytes: number;
  /** Of streams we open. */
  maxConcurrentStreams: number;
  /** For what we send on a new stream. */
  initialWindowBytes: number;
  /** Extended CONNECT (RFC 8441). */
  connectProtocol: boolean;

  constructor() {
    this.headerTableBytes = DEFAULT_TABLE_BYTES;
    this.maxConcurrentStreams = Number.POSITIVE_INFINITY;
    this.initialWindowBytes = DEFAULT_WINDOW_BYTES;
    this.connectProtocol = false;
  }

  /**
   * Entries are applied in order (RFC 9113 §6.5.3); unknown ones have no meaning.
   * @returns 0, or the code the connection has to end with
   */
  apply(buffer: Buffer, start: number, end: number): number {
    for (let at = start; at < end; at += ENTRY_BYTES) {
      const fault = this.#applyEntry(buffer.readUInt16BE(at), buffer.readUInt32BE(at + 2));
      if (fault !== ErrorCode.NoError) return fault;
    }
    return ErrorCode.NoError;
  }

  #applyEntry(id: number, value: number): number {
    switch (id) {
      case SettingId.HeaderTableSize:
        this.headerTableBytes = value;
        break;
      case SettingId.EnablePush:
        // Nothing is ever pushed.
        if (value > 1) return ErrorCode.ProtocolError;
        break;
      case SettingId.MaxConcurrentStreams:
        this.maxConcurrentStreams = value;
        break;
      case SettingId.InitialWindowSize:
        if (value > MAX_WINDOW_BYTES) return ErrorCode.FlowControlError;
        this.initialWindowBytes = value;
        break;
      case SettingId.MaxFrameSize:
        // Larger frames are allowed then, not asked for: ours stay as small as everybody takes them.
        if (value < MAX_FRAME_BYTES || value > LARGEST_FRAME_BYTES) return ErrorCode.ProtocolError;
        break;
      case SettingId.EnableConnectProtocol:
        // Once offered it cannot be taken back (RFC 8441 §3).
        if (value > 1 || (this.connectProtocol && value === 0)) return ErrorCode.ProtocolError;
        this.connectProtocol = value === 1;
        break;
      default:
        break;
    }
    return ErrorCode.NoError;
  }
}
