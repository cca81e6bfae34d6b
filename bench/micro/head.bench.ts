/**
 * What HTTP/1.1 costs to read, from bytes to what is forwarded: request heads, response heads, chunked bodies. The naive
 * forms do what comes to mind first (split lines, a `Map` of fields, join again) and check nothing.
 */
import { ChunkedDecoder, type ChunkSink } from '../../src/proxy/http1/chunked-decoder.ts';
import { FieldTable } from '../../src/proxy/http1/field-table.ts';
import { RequestHead } from '../../src/proxy/http1/request-head.ts';
import { ResponseHead } from '../../src/proxy/http1/response-head.ts';
import { type BenchCase, defineCases, type Repeat } from './harness.ts';

/** Different heads that are read in turn. */
const VARIANTS = 64;
const MAX_FIELDS = 100;
const MAX_TARGET_BYTES = 8_192;
const BODY_BYTES = 16_384;

function smallRequest(variant: number): string {
  return `GET /items/${variant * 7_919} HTTP/1.1\r\nHost: shop.example\r\n\r\n`;
}

function browserRequest(variant: number): string {
  return [
    `GET /catalogue/items/${variant * 7_919}?page=${variant} HTTP/1.1`,
    'Host: shop.example',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'Accept-Language: en-US,en;q=0.5',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Connection: keep-alive',
    `Cookie: cart=${(variant * 2_654_435).toString(16)}; theme=dark`,
    'Upgrade-Insecure-Requests: 1',
    'X-Forwarded-For: 192.0.2.1',
    'Priority: u=0, i',
    '\r\n',
  ].join('\r\n');
}

function responseText(variant: number): string {
  return [
    'HTTP/1.1 200 OK',
    'Server: nginx/1.22.1',
    'Date: Mon, 21 Oct 2013 20:13:21 GMT',
    'Content-Type: application/json',
    `Content-Length: ${100 + variant * 37}`,
    'Connection: keep-alive',
    'Cache-Control: private, max-age=0, must-revalidate',
    `ETag: W/"${(variant * 2_654_435).toString(16)}-${variant}"`,
    'Vary: Accept-Encoding',
    '\r\n',
  ].join('\r\n');
}

function variantsOf(write: (variant: number) => string): readonly Buffer[] {
  return Array.from({ length: VARIANTS }, (_, variant) => Buffer.from(write(variant), 'latin1'));
}

/** Each operation begins with bytes, as a read of a socket brings them: a text that was seen before is cheaper. */
function reading(heads: readonly Buffer[], forward: (bytes: Buffer) => string): Repeat {
  return (count) => {
    let characters = 0;
    for (let at = 0; at < count; at++) characters += forward(heads[at % VARIANTS] as Buffer).length;
    return characters;
  };
}

function forwardingRequests(write: (variant: number) => string): Repeat {
  const head = new RequestHead(MAX_FIELDS, MAX_TARGET_BYTES);
  let lastHost = '';
  return reading(variantsOf(write), (bytes) => {
    if (head.parse(bytes, 0, bytes.length, lastHost) !== 0) throw new Error('the request was refused');
    lastHost = head.host;
    return head.toForwardedHead();
  });
}

function forwardingResponses(): Repeat {
  const head = new ResponseHead(MAX_FIELDS);
  return reading(variantsOf(responseText), (bytes) => {
    if (head.parse(bytes, 0, bytes.length, false) < 0) throw new Error('the response was refused');
    return head.toText();
  });
}

const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'te', 'upgrade', 'x-forwarded-for']);

/** @param withStartLine requests are forwarded with theirs, responses get a new one */
function forwardingNaively(write: (variant: number) => string, withStartLine: boolean): Repeat {
  return reading(variantsOf(write), (bytes) => {
    const text = bytes.toString('latin1');
    const [startLine = '', ...lines] = text.slice(0, text.length - 4).split('\r\n');
    const fields = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    let block = withStartLine ? `${startLine}\r\n` : '';
    for (const [name, value] of fields) if (!HOP_BY_HOP.has(name)) block += `${name}: ${value}\r\n`;
    return block;
  });
}

/** What is left to do once a head is scanned, up to the bytes that leave. */
function writingBlocks(toBlock: (table: FieldTable) => string): Repeat {
  const text = responseText(1);
  const table = new FieldTable(MAX_FIELDS, false);
  const head = Buffer.from(text, 'latin1');
  if (table.scan(head, 0, text.indexOf('\r\n') + 2, head.length) !== 0) throw new Error('the fields are refused');
  table.text = text;
  const target = Buffer.alloc(text.length);
  return (count) => {
    let bytes = 0;
    for (let at = 0; at < count; at++) bytes += target.write(toBlock(table), 'latin1');
    return bytes;
  };
}

function joinParts(table: FieldTable): string {
  let block = '';
  for (let index = 0; index < table.count; index++) block += `${table.name(index)}: ${table.value(index)}\r\n`;
  return block;
}

function chunked(chunkBytes: number): Buffer {
  const chunk = `${chunkBytes.toString(16)}\r\n${'x'.repeat(chunkBytes)}\r\n`;
  return Buffer.from(`${chunk.repeat(BODY_BYTES / chunkBytes)}0\r\n\r\n`, 'latin1');
}

class CountingSink implements ChunkSink {
  bytes: number;

  constructor() {
    this.bytes = 0;
  }

  onChunkData(_buffer: Buffer, start: number, end: number): void {
    this.bytes += end - start;
  }
}

/** A decoder may move bytes of the read it is given, so every case decodes a copy. */
function decoding(chunkBytes: number): Repeat {
  const coded = chunked(chunkBytes);
  const read = Buffer.alloc(coded.length);
  const decoder = new ChunkedDecoder();
  return (count) => {
    const sink = new CountingSink();
    for (let at = 0; at < count; at++) {
      coded.copy(read);
      decoder.reset();
      if (decoder.decode(read, 0, read.length, sink) !== read.length) throw new Error('the body does not decode');
    }
    return sink.bytes;
  };
}

function decodingNaively(chunkBytes: number): Repeat {
  const coded = chunked(chunkBytes);
  const read = Buffer.alloc(coded.length);
  return (count) => {
    let bytes = 0;
    for (let at = 0; at < count; at++) {
      coded.copy(read);
      const pieces: Buffer[] = [];
      for (let pos = 0; ; ) {
        const lineEnd = read.indexOf('\r\n', pos);
        const size = Number.parseInt(read.toString('latin1', pos, lineEnd), 16);
        if (size === 0) break;
        pieces.push(read.subarray(lineEnd + 2, lineEnd + 2 + size));
        pos = lineEnd + size + 4;
      }
      bytes += Buffer.concat(pieces).length;
    }
    return bytes;
  };
}

export const cases: readonly BenchCase[] = defineCases([
  { name: 'small request: naive', setup: () => forwardingNaively(smallRequest, true) },
  { name: 'small request', baseline: 'small request: naive', setup: () => forwardingRequests(smallRequest) },
  { name: 'browser request: naive', setup: () => forwardingNaively(browserRequest, true) },
  { name: 'browser request', baseline: 'browser request: naive', setup: () => forwardingRequests(browserRequest) },
  { name: 'response: naive', setup: () => forwardingNaively(responseText, false) },
  { name: 'response', baseline: 'response: naive', setup: forwardingResponses },
  { name: 'field block: parts joined', setup: () => writingBlocks(joinParts) },
  {
    name: 'field block: slices',
    baseline: 'field block: parts joined',
    setup: () => writingBlocks((table) => table.toBlock(-1, -1)),
  },
  { name: '16 KiB in chunks of 4 KiB: naive', setup: () => decodingNaively(4_096) },
  { name: '16 KiB in chunks of 4 KiB', baseline: '16 KiB in chunks of 4 KiB: naive', setup: () => decoding(4_096) },
  { name: '16 KiB in chunks of 16 bytes: naive', setup: () => decodingNaively(16) },
  { name: '16 KiB in chunks of 16 bytes', baseline: '16 KiB in chunks of 16 bytes: naive', setup: () => decoding(16) },
]);
