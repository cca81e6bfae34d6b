/** Header blocks put together by hand, Huffman codes included, for what our encoder never writes. */
import { CODE_LENGTHS, CODES } from '../../src/proxy/http2/hpack/huffman.ts';

/** An integer whose prefix has `bits` bits, with `high` above them (RFC 7541 §5.1). */
export function integer(high: number, bits: number, value: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.from([high | value]);
  const bytes = [high | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Bit by bit, which is slow and plain; padded with ones. */
export function huffman(text: string): Buffer {
  let bits = '';
  for (let at = 0; at < text.length; at++) {
    const symbol = text.charCodeAt(at);
    bits += (CODES[symbol] as number).toString(2).padStart(CODE_LENGTHS[symbol] as number, '0');
  }
  return bitString(bits.padEnd(Math.ceil(bits.length / 8) * 8, '1'));
}

/** @param bits of '0' and '1', a multiple of eight of them */
export function bitString(bits: string): Buffer {
  return Buffer.from(
    Array.from({ length: bits.length / 8 }, (_, at) => Number.parseInt(bits.slice(at * 8, at * 8 + 8), 2)),
  );
}

export function plainString(text: string): Buffer {
  return Buffer.concat([integer(0, 7, text.length), Buffer.from(text, 'latin1')]);
}

export function codedString(text: string): Buffer {
  const coded = huffman(text);
  return Buffer.concat([integer(0x80, 7, coded.length), coded]);
}

export function indexed(index: number): Buffer {
  return integer(0x80, 7, index);
}

/** A new name and its value, to be added to the table. */
export function added(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), plainString(name), plainString(value)]);
}

/** A new name and its value, not to be added. */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), plainString(name), plainString(value)]);
}

export function sizeUpdate(bytes: number): Buffer {
  return integer(0x20, 5, bytes);
}
