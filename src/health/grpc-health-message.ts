/**
 * The two messages of `grpc.health.v1.Health/Check`, each behind the five bytes that frame a gRPC message. They have one
 * field each, so no protobuf library is worth its weight.
 */

const PREFIX_BYTES = 5;
/** Field 1, length-delimited: `string service`. */
const SERVICE_TAG = 0x0a;
/** Field 1, varint: `ServingStatus status`. */
const STATUS_FIELD = 1;

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** By number. */
const STATUSES: readonly string[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const BROKEN = 'not a health response';

/** @param service at most 256 bytes; empty = the server as a whole */
export function encodeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const field = name.length === 0 ? [] : [SERVICE_TAG, ...encodeVarint(name.length), ...name];
  const message = Buffer.alloc(PREFIX_BYTES + field.length);
  message.writeUInt32BE(field.length, 1);
  message.set(field, PREFIX_BYTES);
  return message;
}

/** The name of the status, or what is wrong with the message. */
export function decodeHealthStatus(framed: Buffer): string {
  // The first byte says whether it is compressed, which nobody offered.
  if (framed.length < PREFIX_BYTES || framed[0] !== 0) return BROKEN;
  if (framed.readUInt32BE(1) !== framed.length - PREFIX_BYTES) return BROKEN;
  let status = 0;
  for (let at = PREFIX_BYTES; at < framed.length; ) {
    const tag = decodeVarint(framed, at);
    if (tag === null) return BROKEN;
    const field = readField(framed, tag.end, tag.value & 7);
    if (field === null) return BROKEN;
    if (tag.value === STATUS_FIELD * 8 + VARINT) status = field.value;
    at = field.end;
  }
  return STATUSES[status] ?? BROKEN;
}

interface Field {
  /** Of a varint; 0 for other fields. */
  readonly value: number;
  readonly end: number;
}

/** Null = cut off, or of a kind that does not exist. */
function readField(bytes: Buffer, at: number, wireType: number): Field | null {
  if (wireType === VARINT) return decodeVarint(bytes, at);
  const length = wireType === DELIMITED ? decodeVarint(bytes, at) : null;
  const end =
    wireType === FIXED64 ? at + 8 : wireType === FIXED32 ? at + 4 : length === null ? -1 : length.end + length.value;
  return end === -1 || end > bytes.length ? null : { value: 0, end };
}

function encodeVarint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...encodeVarint(value >>> 7)];
}

/** At most ten bytes (64 bits); what does not fit a number exactly is no status and no length of ours. */
function decodeVarint(bytes: Buffer, start: number): Field | null {
  let value = 0;
  for (let at = start; at < bytes.length && at < start + 10; at++) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * 2 ** (7 * (at - start));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return null;
}
