/**
 * Fuzzed bytes as a program that makes frames: whatever is changed in it, the lengths of its frames stay right, so that
 * what is behind a change is still read. One command is `kind flags stream size payload…`.
 */
import { END_HEADERS, END_STREAM, fieldBlock, frame, getFields, PREFACE } from '../support/http2-frames.ts';
import type { Dictionary } from './mutator.ts';
import type { Random } from './random.ts';

const COMMAND_BYTES = 4;
/** Kinds up to this are types of frames, the one above is no frame at all. */
const KINDS = 13;
const RAW = 12;
const HIGHEST_STREAM_ID = 0x7fff_ffff;

const OPENING: Buffer = Buffer.concat([Buffer.from(PREFACE, 'latin1'), frame(4, 0, 0)]);

/** All bytes a client sends. */
export function toWire(program: Buffer): Buffer {
  const pieces = [OPENING];
  for (let at = 0; at + COMMAND_BYTES <= program.length; ) {
    const kind = (program[at] as number) % KINDS;
    const size = program[at + 3] as number;
    const payload = program.subarray(at + COMMAND_BYTES, at + COMMAND_BYTES + size);
    const flags = program[at + 1] as number;
    pieces.push(kind === RAW ? payload : frame(kind, flags, streamIdOf(program[at + 2] as number), payload));
    at += COMMAND_BYTES + size;
  }
  return Buffer.concat(pieces);
}

function streamIdOf(byte: number): number {
  return byte < 250 ? byte % 24 : HIGHEST_STREAM_ID - (byte - 250);
}

function command(kind: number, flags: number, stream: number, payload: Buffer | string): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
  return Buffer.concat([Buffer.from([kind, flags, stream, Math.min(255, bytes.length)]), bytes.subarray(0, 255)]);
}

type Pairs = readonly (readonly [name: string, value: string])[];

function request(method: string, path: string, ...more: Pairs): Buffer {
  return fieldBlock([[':method', method], ...getFields(path).slice(1), ...more]);
}

/** `/wait` is answered at the end, `/large` with more than any window holds, all else at once or behind its body. */
const BLOCKS: readonly Buffer[] = [
  request('GET', '/now'),
  request('GET', '/wait'),
  request('GET', '/large'),
  request('HEAD', '/large'),
  request('POST', '/echo'),
  request('POST', '/wait', ['content-length', '4']),
  request('POST', '/stop'),
  request('OPTIONS', '*'),
  request('GET', '/now', ['cookie', 'a=1'], ['cookie', 'b=2'], ['te', 'trailers']),
  request('GET', '/now', ['connection', 'close']),
  request('GET', '/now', ['X', '1']),
  fieldBlock([['x-trailer', '1']]),
  fieldBlock([[':path', '/']]),
  Buffer.from([0x82, 0x86, 0x84, 0x41, 9, ...Buffer.from('a.example')]),
  Buffer.from([0x82, 0x86, 0x84, 0xbe]),
  Buffer.from([0x20, 0x3f, 0xe1, 0x1f, 0x82, 0x86, 0x84, 0xbe]),
];

function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt32BE(value >>> 0, 2);
  return bytes;
}

function increment(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

const NUMBERS: readonly number[] = [0, 1, 2, 100, 16_383, 16_384, 65_535, 100_000, 2_147_483_647, 2_147_483_648];

function compose(random: Random): string {
  const commands: Buffer[] = [];
  let next = 1;
  for (let left = 1 + random.below(12); left > 0; left--) {
    const stream = random.oneIn(8) ? random.below(12) : Math.max(1, next - 2);
    switch (random.below(12)) {
      case 0:
      case 1:
      case 2: {
        const flags = random.pick([
          END_HEADERS,
          END_HEADERS | END_STREAM,
          END_HEADERS | END_STREAM,
          0,
          8 | END_HEADERS,
          0x24,
        ]);
        commands.push(command(1, flags, next, random.pick(BLOCKS)));
        if (flags === 0) commands.push(command(9, random.pick([END_HEADERS, 0]), next, random.pick(BLOCKS)));
        next += 2;
        break;
      }
      case 3:
      case 4:
        commands.push(
          command(0, random.pick([0, END_STREAM, 8, 9]), stream, random.pick(['', 'x', 'four', '\x02abc\0\0'])),
        );
        break;
      case 5:
        commands.push(command(3, 0, stream, increment(random.below(14))));
        break;
      case 6:
        commands.push(command(4, 0, 0, setting(1 + random.below(9), random.pick(NUMBERS))));
        break;
      case 7:
        commands.push(command(8, 0, random.oneIn(2) ? 0 : stream, increment(random.pick(NUMBERS))));
        break;
      case 8:
        commands.push(command(1, random.pick([END_HEADERS, END_HEADERS | END_STREAM]), stream, random.pick(BLOCKS)));
        break;
      case 9:
        commands.push(command(random.pick([2, 4, 5, 6, 7, 10, 11]), random.pick([0, 1]), stream, '12345678'));
        break;
      case 10:
        commands.push(command(6, random.pick([0, 1]), 0, '12345678'));
        break;
      default:
        commands.push(
          command(random.below(KINDS), random.below(256), random.below(256), random.pick(['', 'x', 'xxxxx'])),
        );
    }
  }
  return Buffer.concat(commands).toString('latin1');
}

const FRAGMENTS: readonly Buffer[] = BLOCKS.flatMap((block) => [
  command(1, END_HEADERS | END_STREAM, 1, block),
  command(1, END_HEADERS, 3, block),
]);

export const HTTP2_DICTIONARY: Dictionary = { fragments: FRAGMENTS, lines: FRAGMENTS, compose };
/** To start from. */
export const HTTP2_SEEDS: readonly Buffer[] = FRAGMENTS;
