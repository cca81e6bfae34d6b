/**
 * What a header block costs, read and written. The writing cases compare ways to write the same response head: everything
 * as it is, in Huffman codes, with a table found by a `Map` of name and value, and as our encoder does it.
 */
import { HpackDecoder } from '../../src/proxy/http2/hpack/hpack-decoder.ts';
import { HpackEncoder } from '../../src/proxy/http2/hpack/hpack-encoder.ts';
import { CODE_LENGTHS, CODES } from '../../src/proxy/http2/hpack/huffman.ts';
import { findName, staticIndexOf } from '../../src/proxy/http2/hpack/known-names.ts';
import { writeLatin1 } from '../../src/proxy/http2/hpack/latin1-text.ts';
import { type BenchCase, defineCases, type Repeat } from './harness.ts';

/** Different requests that are encoded in turn. */
const VARIANTS = 64;

const target: Buffer = Buffer.alloc(65_536);

function responseHead(variant: number): readonly string[] {
  return [
    `content-type:${variant % 4 === 0 ? 'text/html; charset=utf-8' : 'application/json'}`,
    `content-length:${String(100 + variant * 37)}`,
    'cache-control:private, max-age=0, must-revalidate',
    `etag:W/"${(variant * 2_654_435).toString(16)}-${variant}"`,
    'vary:accept-encoding',
    'strict-transport-security:max-age=31536000; includeSubDomains',
    'x-content-type-options:nosniff',
    `x-request-id:${(variant * 7_919_333).toString(16).padStart(32, '0')}`,
    'server:nginx/1.22.1',
    'date:Mon, 21 Oct 2013 20:13:21 GMT',
  ];
}

function requestHead(variant: number): readonly string[] {
  return [
    ':method:GET',
    ':scheme:https',
    ':authority:shop.example.com',
    `:path:/catalogue/items/${variant * 7_919}?page=${variant}`,
    'user-agent:Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    'accept:text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'accept-language:en-US,en;q=0.5',
    'accept-encoding:gzip, deflate, br, zstd',
    'cookie:session=c3VwZXJzZWNyZXQtdG9rZW4tdmFsdWU',
    'priority:u=0, i',
  ];
}

/** As the proxy has them: names and values cut out of the text of a head, so that no hash of theirs is known yet. */
function cutFields(lines: readonly string[]): readonly string[] {
  const text = `${lines.join('\r\n')}\r\n`;
  const fields: string[] = [];
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at + 1);
    const end = text.indexOf('\r\n', at);
    fields.push(text.slice(at, colon), text.slice(colon + 1, end));
    at = end + 2;
  }
  return fields;
}

function requestFields(variant: number): readonly string[] {
  return cutFields(requestHead(variant));
}

const heads: readonly (readonly string[])[] = Array.from({ length: VARIANTS }, (_, at) => cutFields(responseHead(at)));

interface Encoder {
  status(buffer: Buffer, position: number, status: number): number;
  field(buffer: Buffer, position: number, name: string, value: string): number;
}

function writing(encoder: Encoder): Repeat {
  return (count) => {
    let bytes = 0;
    for (let block = 0; block < count; block++) {
      const fields = heads[block % VARIANTS] as readonly string[];
      let position = encoder.status(target, 0, 200);
      for (let at = 0; at < fields.length; at += 2) {
        position = encoder.field(target, position, fields[at] as string, fields[at + 1] as string);
      }
      bytes += position;
    }
    return bytes;
  };
}

/** Literals only. */
class LiteralEncoder implements Encoder {
  status(buffer: Buffer, position: number, _status: number): number {
    buffer[position] = 0x88;
    return position + 1;
  }

  field(buffer: Buffer, position: number, name: string, value: string): number {
    const index = staticIndexOf(findName(name));
    let pos = position;
    if (index === 0) {
      buffer[pos++] = 0;
      pos = this.text(buffer, pos, name);
    } else if (index < 15) buffer[pos++] = index;
    else {
      buffer[pos++] = 15;
      buffer[pos++] = index - 15;
    }
    return this.text(buffer, pos, value);
  }

  /** All strings here are shorter than 127. */
  text(buffer: Buffer, position: number, text: string): number {
    buffer[position] = text.length;
    return writeLatin1(buffer, position + 1, text);
  }
}

/** Literals with Huffman codes. */
class HuffmanEncoder extends LiteralEncoder {
  override text(buffer: Buffer, position: number, text: string): number {
    let pos = position + 1;
    let bits = 0;
    let pending = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      const length = CODE_LENGTHS[code] as number;
      // Symbols of text have at most 15 bits, and less than 8 are pending.
      pending = (pending << length) | (CODES[code] as number);
      bits += length;
      while (bits >= 8) {
        bits -= 8;
        buffer[pos++] = pending >>> bits;
      }
      pending &= 0xff;
    }
    if (bits > 0) buffer[pos++] = (pending << (8 - bits)) | (0xff >>> bits);
    buffer[position] = 0x80 | (pos - position - 1);
    return pos;
  }
}

/** A table found by a `Map` of name and value. It never evicts, which is for nothing here. */
class MapEncoder extends LiteralEncoder {
  readonly #entries: Map<string, number>;

  constructor() {
    super();
    this.#entries = new Map();
  }

  override field(buffer: Buffer, position: number, name: string, value: string): number {
    if (name === 'etag' || name === 'content-length' || name === 'x-request-id') {
      return super.field(buffer, position, name, value);
    }
    const key = `${name}\n${value}`;
    const index = this.#entries.get(key);
    if (index !== undefined) {
      buffer[position] = index;
      return position + 1;
    }
    this.#entries.set(key, 0xbe + this.#entries.size);
    return super.field(buffer, position, name, value);
  }
}

function encodeRequest(encoder: HpackEncoder, fields: readonly string[]): Buffer {
  let position = encoder.begin(target, 0);
  for (let at = 0; at < fields.length; at += 2) {
    position = encoder.field(target, position, fields[at] as string, fields[at + 1] as string);
  }
  return Buffer.from(target.subarray(0, position));
}

function reading(blocks: readonly Buffer[], decoder: HpackDecoder): Repeat {
  const fields: string[] = [];
  return (count) => {
    let strings = 0;
    for (let at = 0; at < count; at++) {
      const block = blocks[at % blocks.length] as Buffer;
      if (!decoder.decode(block, 0, block.length, fields)) throw new Error('the block does not decode');
      strings += fields.length;
    }
    return strings;
  };
}

/** Blocks of a connection on which the repeating fields are in the table. */
function warmRequests(): Repeat {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(4096, 65_536, 100);
  const read: string[] = [];
  for (let at = 0; at < 4; at++) {
    const block = encodeRequest(encoder, requestFields(at));
    decoder.decode(block, 0, block.length, read);
  }
  const blocks = Array.from({ length: VARIANTS }, (_, at) => encodeRequest(encoder, requestFields(at)));
  return reading(blocks, decoder);
}

function coldRequests(): Repeat {
  const blocks = Array.from({ length: VARIANTS }, (_, at) => encodeRequest(new HpackEncoder(), requestFields(at)));
  return reading(blocks, new HpackDecoder(4096, 65_536, 100));
}

/** The request of a load generator: the same pairs again and again. */
function indexedRequests(): Repeat {
  const decoder = new HpackDecoder(4096, 65_536, 100);
  const first = Buffer.from('828684418cf1e3c2e5f23a6ba0ab90f4ff', 'hex');
  decoder.decode(first, 0, first.length, []);
  return reading([Buffer.from('828684be', 'hex')], decoder);
}

function codedRequests(): Repeat {
  const coder = new HuffmanEncoder();
  const blocks = Array.from({ length: VARIANTS }, (_, variant) => {
    const fields = requestFields(variant);
    let position = 0;
    for (let at = 0; at < fields.length; at += 2) {
      position = coder.field(target, position, fields[at] as string, fields[at + 1] as string);
    }
    return Buffer.from(target.subarray(0, position));
  });
  return reading(blocks, new HpackDecoder(4096, 65_536, 100));
}

export const cases: readonly BenchCase[] = defineCases([
  { name: 'read: 4 indices', setup: indexedRequests },
  { name: 'read: 10 literals', setup: coldRequests },
  { name: 'read: 10 literals in Huffman codes', baseline: 'read: 10 literals', setup: codedRequests },
  { name: 'read: warm browser, 8 indices and 2 literals', baseline: 'read: 10 literals', setup: warmRequests },
  { name: 'write: literals', setup: () => writing(new LiteralEncoder()) },
  { name: 'write: literals in Huffman codes', baseline: 'write: literals', setup: () => writing(new HuffmanEncoder()) },
  { name: 'write: table by a map', baseline: 'write: literals', setup: () => writing(new MapEncoder()) },
  { name: 'write: our encoder', baseline: 'write: literals', setup: () => writing(new HpackEncoder()) },
]);
