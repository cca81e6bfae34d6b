/**
 * Strings of one code unit a byte, read from and written to buffers. Calls into the runtime's own `latin1` functions cost
 * more than they save where a string is short, as most names and many values are.
 * Hot: guarded by `bench/micro/hpack.bench.ts`.
 */

const LONGEST_READ = 12;
const LONGEST_WRITE = 16;

export function readLatin1(bytes: Buffer, start: number, end: number): string {
  return end - start <= LONGEST_READ ? readShort(bytes, start, end - start) : bytes.toString('latin1', start, end);
}

/** @returns the position behind the text */
export function writeLatin1(target: Buffer, position: number, text: string): number {
  const { length } = text;
  if (length > LONGEST_WRITE) return position + target.write(text, position, length, 'latin1');
  for (let at = 0; at < length; at++) target[position + at] = text.charCodeAt(at);
  return position + length;
}

/** Joining pieces of less than 13 characters gives a flat string, not a rope. */
function readShort(bytes: Buffer, at: number, length: number): string {
  switch (length) {
    case 0:
      return '';
    case 1:
      return String.fromCharCode(bytes[at] as number);
    case 2:
      return String.fromCharCode(bytes[at] as number, bytes[at + 1] as number);
    case 3:
      return String.fromCharCode(bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number);
    default: {
      const first = String.fromCharCode(
        bytes[at] as number,
        bytes[at + 1] as number,
        bytes[at + 2] as number,
        bytes[at + 3] as number,
      );
      return length === 4 ? first : first + readShort(bytes, at + 4, length - 4);
    }
  }
}
