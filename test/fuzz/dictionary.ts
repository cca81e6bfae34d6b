/** What requests and responses are made of, in good and bad spellings: the vocabulary of the mutator. */
import type { Dictionary } from './mutator.ts';
import type { Random } from './random.ts';

const METHODS = [
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'PATCH',
  'PROPFIND',
  'M-SEARCH',
  'BREW',
  'CONNECT',
  'TRACE',
  'PRI',
  'get',
];
const TARGETS = [
  '/',
  '/a',
  '/a?b=c',
  '/a/b/../c',
  '/%2e%2e/a',
  '/a%2Fb',
  '/a%00',
  '/%zz',
  '/a/./b',
  '//evil/x',
  '/\\evil',
  '/a%c3%a9',
  '*',
  '/a#b',
  'http://a.example/x',
  'http://a.example',
  'http://a.example?q',
  'https://a.example:443/x',
  'http://u@a.example/',
  'ftp://a.example/',
  'a.example:80',
  'a',
  '/a b',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'HTTP/1.10',
  'http/1.1',
  'RTSP/1.0',
  '',
];
const STATUSES = [
  '200 OK',
  '200 OK',
  '200',
  '204 No Content',
  '304 Not Modified',
  '100 Continue',
  '103 Early Hints',
  '101 Switching Protocols',
  '404 ',
  '500 \xe9',
  '099 x',
  '600 x',
  '20 x',
  '2000 x',
];
const HOSTS = [
  'Host: a.example',
  'Host: a.example',
  'Host: a.example',
  'host:a.example:80 ',
  'Host: [::1]:80',
  'Host:',
  'Host: a b',
  'Host: a,b',
  'Host: u@a',
  '',
];
const FIELDS = [
  'Connection: close',
  'Connection: keep-alive',
  'Connection: close, keep-alive',
  'Connection: upgrade',
  'Connection: x, Upgrade',
  'Connection: host',
  'Connection: not-close',
  'Connection: content-length, close',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Upgrade: websocket, h2c',
  'Expect: 100-continue',
  'X: y',
  'X_Y: z',
  'X:',
  'X: \xe9',
  'Cookie: a=b',
  'TE: trailers',
  'Trailer: X',
  'Keep-Alive: timeout=5',
  'Proxy-Connection: close',
  '__proto__: x',
  'Date: now',
  'Server: x',
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: 6',
  'Content-Length: 05',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Content-Length: 5 5',
  'Content-Length: 0x5',
  'Content-Length: -1',
  'Content-Length:',
  'Content-Length: 18446744073709551621',
  'Content-Length: 4294967301',
  'Content-Length: 999999999999999',
  'Content-Length: 1000000000000000',
  'Content-Length\x00: 5',
  'Content-Length : 5',
  'Content_Length: 5',
  'Content-Length: 5\v',
  'Transfer-Encoding: chunked',
  'transfer-encoding:\tCHUNKED ',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding:',
  'Transfer-Encoding: ,chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: chunked\xa0',
  'Transfer_Encoding: chunked',
  ' folded',
  '\tTransfer-Encoding: chunked',
  'no colon',
  ': empty',
  ' ',
  'X: a\rb',
  'X: a\nContent-Length: 5',
  'X: \0',
];
const CHUNKS = [
  '5\r\nhello\r\n',
  '5\r\nhello\r\n',
  '5;a=b\r\nhello\r\n',
  '5;a="b;\\"c"\r\nhello\r\n',
  '00000005\r\nhello\r\n',
  'A\r\n0123456789\r\n',
  'a\r\n0123456789\r\n',
  '5 \r\nhello\r\n',
  '5;\r\nhello\r\n',
  '5\r\nhelloXX',
  '5\nhello\r\n',
  '0x5\r\nhello\r\n',
  '10000000000000005\r\nhello\r\n',
  '5\r\nhello\n',
  '1\r\nZ\r\n',
  '5;a b\r\nhello\r\n',
  '5;a="\r\nhello\r\n',
];
const CHUNK_ENDS = [
  '0\r\n\r\n',
  '0\r\n\r\n',
  '0\r\n\r\n',
  '0\r\nX: y\r\n\r\n',
  '0\r\nContent-Length: 5\r\n\r\n',
  '00;a\r\n\r\n',
  '0\r\n',
  '0\r\n\n',
  '0\r\nX\r\n\r\n',
  '0\r\n X: y\r\n\r\n',
  '',
];
const FRAGMENTS = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  '\r\r\n',
  '\n\r\n',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '\0',
  '0',
  '0\r\n\r\n',
  '5\r\n',
  'chunked',
  'HTTP/1.1',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\n',
  '%00',
  '%2e',
  '%',
  '..',
  '/../',
  '#',
  '?',
  '\x80',
  '\xff',
  '"',
  '\\"',
  '\v',
  '\f',
  '\x7f',
  '\xa0',
  'hello',
  '_',
];

function composeRequest(random: Random): string {
  const line = `${random.pick(METHODS)} ${random.oneIn(3) ? random.pick(TARGETS) : '/a'} ${random.pick(VERSIONS)}\r\n`;
  const host = random.pick(HOSTS);
  return `${line}${host === '' ? '' : `${host}\r\n`}${composeFields(random)}`;
}

function composeResponse(random: Random): string {
  const version = random.oneIn(6) ? random.pick(VERSIONS) : 'HTTP/1.1';
  return `${version} ${random.pick(STATUSES)}\r\n${composeFields(random)}`;
}

/** Fields, mostly with a framing that fits the body behind them. */
function composeFields(random: Random): string {
  let lines = '';
  for (let left = random.below(3); left > 0; left--) lines += `${random.pick(FIELDS)}\r\n`;
  switch (random.below(4)) {
    case 0:
      return `${lines}\r\n`;
    case 1:
      return `${lines}Content-Length: 5\r\n\r\nhello`;
    case 2: {
      let body = '';
      for (let left = random.below(3); left > 0; left--) body += random.pick(CHUNKS);
      return `${lines}Transfer-Encoding: chunked\r\n\r\n${body}${random.pick(CHUNK_ENDS)}`;
    }
    default:
      return `${lines}${random.pick(FIELDS)}\r\n\r\n${random.oneIn(2) ? 'hello' : '5\r\nhello\r\n0\r\n\r\n'}`;
  }
}

function buffers(texts: readonly string[]): readonly Buffer[] {
  return texts.map((text) => Buffer.from(text, 'latin1'));
}

const lines = buffers([...FIELDS, ...HOSTS].map((line) => `${line}\r\n`));
const fragments = buffers([...FRAGMENTS, ...CHUNKS, ...CHUNK_ENDS]);

export const REQUEST_DICTIONARY: Dictionary = { fragments, lines, compose: composeRequest };
export const RESPONSE_DICTIONARY: Dictionary = { fragments, lines, compose: composeResponse };
