/** Writes the fields behind a body, which end their stream (RFC 9113 §8.1), for either role. */
import type { FrameWriter } from './frame-writer.ts';
import { encodedBound, type HpackEncoder } from './hpack/hpack-encoder.ts';

/** A size update of the table. */
const OWN_BYTES = 16;

/** @param fields names and values in turn, judged */
export function writeTrailers(
  writer: FrameWriter,
  hpack: HpackEncoder,
  streamId: number,
  fields: readonly string[],
): void {
  let bound = OWN_BYTES;
  for (const text of fields) bound += encodedBound(text.length, 0);
  const start = writer.beginBlock(bound);
  let at = hpack.begin(writer.target, start);
  for (let index = 0; index < fields.length; index += 2) {
    at = hpack.field(writer.target, at, (fields[index] as string).toLowerCase(), fields[index + 1] as string);
  }
  writer.endBlock(streamId, start, at, true);
}
