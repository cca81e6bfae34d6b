/** What of a request reaches the back end: request line, fields, what is added and what is taken away. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf, statusOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream, type UpstreamRequest } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
  sluice = await SluiceProcess.start({
    config: {
      upstreams: { a: { endpoints: [{ address: upstream.address }] } },
      routes: [
        { host: 'a.example', upstream: 'a' },
        { host: '*.b.example', upstream: 'a' },
      ],
    },
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => upstream.forget());

async function forwarded(text: string): Promise<UpstreamRequest> {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(text);
  assert.equal(await client.status(), 200);
  client.destroy();
  return upstream.request();
}

function withFields(...fields: readonly string[]): string {
  return `GET / HTTP/1.1\r\nHost: a.example\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
}

test('end-to-end fields pass byte for byte, in order, repeated ones separately', async () => {
  const fields = [
    'Cookie: a=1; b=2',
    'X-Latin: caf\xe9 \xff',
    'X-Empty:',
    'x-case: kept',
    'Accept: a, b',
    'Accept: c',
    'Authorization: Basic eDp5',
    'Range: bytes=0-1',
    'If-None-Match: "a", W/"b"',
    'If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT',
    'Accept-Encoding: gzip;q=1.0, *;q=0',
    'Content-Encoding: gzip',
    'X-Colons: a:b: c',
    '__proto__: x'.replaceAll('_', '-'),
    'constructor: y',
  ];
  const request = await forwarded(withFields(...fields));
  const names = fields.map((field) => field.slice(0, field.indexOf(':')).toLowerCase());
  assert.deepEqual(
    request.fields.filter(([name]) => names.includes(name.toLowerCase())).map(([name, value]) => `${name}: ${value}`),
    fields.map((field) => (field === 'X-Empty:' ? 'X-Empty: ' : field)),
  );
});

test('blanks around a value are not forwarded', async () => {
  const request = await forwarded(withFields('X-Tight:a', 'X-Wide: \t b \t ', 'X-Blank:  \t'));
  for (const line of ['X-Tight: a\r\n', 'X-Wide: b\r\n', 'X-Blank: \r\n']) assert.ok(request.head.includes(line), line);
});

test('fields of one connection are not forwarded, nor those Connection names', async () => {
  const request = await forwarded(
    withFields(
      'Connection: keep-alive, X-Private, te',
      'X-Private: 1',
      'x-private: 2',
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'TE: trailers',
      'Trailer: X-Later',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
      'Proxy: http://evil.example',
      'X-Public: 3',
    ),
  );
  const names = request.fields.map(([name]) => name.toLowerCase());
  for (const gone of [
    'connection',
    'x-private',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'http2-settings',
    'proxy',
  ]) {
    assert.equal(names.includes(gone), false, gone);
  }
  assert.equal(request.field('X-Public'), '3');
});

test('what a client claims about its origin is replaced, and kept under another name', async () => {
  const request = await forwarded(
    withFields(
      'X-Forwarded-For: 6.6.6.6',
      'X-Forwarded-For: 7.7.7.7',
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 443',
      'X-Forwarded-Scheme: https',
      'X-Scheme: https',
      'X-Real-IP: 6.6.6.6',
      'Forwarded: for=6.6.6.6',
      'X-Original-Forwarded-For: 8.8.8.8',
    ),
  );
  assert.equal(request.field('X-Forwarded-For'), '127.0.0.1');
  assert.equal(request.field('X-Real-IP'), '127.0.0.1');
  assert.equal(request.field('X-Forwarded-Host'), 'a.example');
  assert.equal(request.field('X-Forwarded-Proto'), 'http');
  assert.equal(request.field('X-Forwarded-Scheme'), 'http');
  assert.equal(request.field('X-Scheme'), 'http');
  assert.equal(request.field('X-Forwarded-Port'), String(sluice.httpPort));
  assert.equal(request.field('Forwarded'), null);
  assert.equal(request.field('X-Original-Forwarded-For'), '6.6.6.6, 7.7.7.7');
  assert.equal(request.field('X-Original-Forwarded-Host'), 'evil.example');
});

test('names with an underscore are dropped: back ends take them for those with a dash', async () => {
  const request = await forwarded(
    withFields('X_Forwarded_For: 6.6.6.6', 'X_Real-IP: 6.6.6.6', 'Remote_User: admin', 'Content_Length: 5'),
  );
  assert.equal(/6\.6\.6\.6|admin|Content_/.test(request.head), false);
});

test('a request id is kept, and made where there is none or a very long one', async () => {
  assert.equal((await forwarded(withFields('X-Request-ID: mine-1'))).field('X-Request-ID'), 'mine-1');
  upstream.forget();
  const made = (await forwarded(withFields())).field('X-Request-ID');
  assert.match(String(made), /^[0-9a-f]{32}$/);
  upstream.forget();
  assert.match(
    String((await forwarded(withFields(`X-Request-ID: ${'x'.repeat(129)}`))).field('X-Request-ID')),
    /^[0-9a-f]{32}$/,
  );
});

test('Host goes on as it came, with its port, and routes without it', async () => {
  const request = await forwarded('GET / HTTP/1.1\r\nHost: A.Example.:8080\r\n\r\n');
  assert.equal(request.field('Host'), 'A.Example.:8080');
  assert.equal(request.field('X-Forwarded-Host'), 'A.Example.:8080');
});

test('a target in absolute form is sent in origin form, and its authority is the Host', async () => {
  const request = await forwarded('GET http://a.example/x?y=1 HTTP/1.1\r\nHost: A.example\r\n\r\n');
  assert.equal(request.startLine, 'GET /x?y=1 HTTP/1.1');
  assert.equal(request.field('Host'), 'a.example');
  upstream.forget();
  const bare = await forwarded('GET http://a.example?q HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal(bare.startLine, 'GET /?q HTTP/1.1');
});

test('the path is sent as it was matched: dot segments resolved, escapes normalised, the query untouched', async () => {
  const request = await forwarded('GET /a/%2e%2e/b/./c%2fd/%7euser?q=%2e%2E/../&x HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal(request.target, '/b/c%2Fd/~user?q=%2e%2E/../&x');
});

test('what a client says about another host, path or method does not move its request', async () => {
  const request = await forwarded(
    withFields(
      'X-Forwarded-Host: x.b.example',
      'Forwarded: host=x.b.example;proto=https',
      'X-Original-URL: /admin',
      'X-Rewrite-URL: /admin',
      'X-HTTP-Method-Override: DELETE',
      'X-Host: x.b.example',
    ),
  );
  assert.equal(request.startLine, 'GET / HTTP/1.1');
  assert.equal(request.field('Host'), 'a.example');
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET / HTTP/1.1\r\nHost: c.example\r\nX-Forwarded-Host: a.example\r\nForwarded: host=a.example\r\n\r\n');
  assert.equal(await client.status(), 404);
  client.destroy();
});

function options(hops: string): string {
  return `OPTIONS /x HTTP/1.1\r\nHost: a.example\r\nMax-Forwards: ${hops}\r\n\r\n`;
}

test('an OPTIONS request goes one hop less far, and is answered here when it may go no further', async () => {
  assert.equal((await forwarded(options('1'))).field('Max-Forwards'), '0');
  upstream.forget();
  const client = await RawClient.connect(sluice.httpPort);
  client.write(options('0'));
  assert.equal(await client.status(), 204);
  client.destroy();
  assert.equal((await forwarded(withFields('Max-Forwards: 0'))).field('Max-Forwards'), '0');
  assert.equal(upstream.requests.length, 1);
});

test('an absolute target stands for the Host that HTTP/1.0 may leave out', async () => {
  const request = await forwarded('GET http://a.example/x HTTP/1.0\r\n\r\n');
  assert.equal(request.startLine, 'GET /x HTTP/1.1');
  assert.equal(request.field('Host'), 'a.example');
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET http://c.example/x HTTP/1.0\r\n\r\n');
  assert.equal(await client.status(), 404);
  client.destroy();
});

test('the query goes on byte by byte, also an empty one', async () => {
  for (const target of ['/x?', '/x??', '/x?a=%zz&b=%2e./..//&c=\\|^`{}"<>', '/x/../y?']) {
    upstream.forget();
    const request = await forwarded(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
    assert.equal(request.target, target.replace('/x/../y', '/y'));
  }
});

test('an unknown method is forwarded as it is', async () => {
  const request = await forwarded('BREW-coffee /pot HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal(request.startLine, 'BREW-coffee /pot HTTP/1.1');
});

test('a request in HTTP/1.0 goes on as HTTP/1.1', async () => {
  const request = await forwarded('GET / HTTP/1.0\r\nHost: a.example\r\n\r\n');
  assert.equal(request.startLine, 'GET / HTTP/1.1');
});

test('bodies are framed by their length when it is known, and in chunks of our own when it is not', async () => {
  const length = await forwarded('PUT / HTTP/1.1\r\nHost: a.example\r\ncontent-length:5\r\n\r\nhello');
  assert.equal(length.field('Content-Length'), '5');
  assert.equal(length.framing, 'length');
  upstream.forget();
  const chunks = await forwarded(
    'DELETE / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding:  Chunked\r\n\r\n0000A;x\r\n0123456789\r\n2\r\nab\r\n0\r\n\r\n',
  );
  assert.equal(chunks.field('Transfer-Encoding'), 'chunked');
  assert.equal(chunks.field('Content-Length'), null);
  assert.equal(chunks.body.toString(), '0123456789ab');
});

test('a body of one-byte chunks goes on in far fewer', async () => {
  const request = await forwarded(
    `PUT / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(10_000)}0\r\n\r\n`,
  );
  assert.equal(request.body.toString(), 'x'.repeat(10_000));
  assert.ok(request.connection.receivedBytes < 20_000, `${request.connection.receivedBytes} bytes for 10000`);
});

test('a large body with known length passes unchanged, whatever its bytes', async () => {
  const body = Buffer.alloc(3_000_000);
  for (let i = 0; i < body.length; i++) body[i] = (i * 7) % 256;
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${body.length}\r\n\r\n`);
  client.write(body);
  assert.equal(await client.status(), 200);
  client.destroy();
  assert.ok((await upstream.request()).body.equals(body));
});

const LOCAL: readonly { readonly name: string; readonly bytes: string; readonly status: number }[] = [
  { name: 'an unknown host', bytes: 'GET / HTTP/1.1\r\nHost: c.example\r\n\r\n', status: 404 },
  { name: 'two labels for a wildcard', bytes: 'GET / HTTP/1.1\r\nHost: x.y.b.example\r\n\r\n', status: 404 },
  { name: 'no Host in HTTP/1.1', bytes: 'GET / HTTP/1.1\r\n\r\n', status: 400 },
  { name: 'another Host than in the target', bytes: 'GET http://a.example/ HTTP/1.1\r\nHost: b\r\n\r\n', status: 400 },
  { name: 'dot segments above the root', bytes: 'GET /../x HTTP/1.1\r\nHost: a.example\r\n\r\n', status: 400 },
  { name: 'HTTP/1.2', bytes: 'GET / HTTP/1.2\r\nHost: a.example\r\n\r\n', status: 505 },
];

for (const { name, bytes, status } of LOCAL) {
  test(`${name} is answered ${status} with a body that repeats nothing of the request`, async () => {
    const client = await RawClient.connect(sluice.httpPort);
    client.write(bytes);
    const response = await client.response();
    client.destroy();
    assert.equal(statusOf(response), status);
    assert.equal(fieldOf(response, 'Content-Length'), String(response.body.length));
    assert.match(response.body.toString(), /^<html>/);
    assert.equal(upstream.requests.length, 0);
  });
}

test('exactly one Host reaches the back end, also when an HTTP/1.0 client sends an empty one', async (t) => {
  const catchAll = await ScriptedUpstream.start(() => ok('any'));
  t.after(() => catchAll.close());
  await sluice.reload({
    upstreams: {
      a: { endpoints: [{ address: upstream.address }] },
      any: { endpoints: [{ address: catchAll.address }] },
    },
    routes: [{ host: 'a.example', upstream: 'a' }, { upstream: 'any' }],
  });
  for (const host of ['', 'Host:\r\n', 'Host: \r\n']) {
    catchAll.forget();
    const client = await RawClient.connect(sluice.httpPort);
    client.write(`GET / HTTP/1.0\r\n${host}\r\n`);
    assert.equal(await client.status(), 200);
    client.destroy();
    const request = await catchAll.request();
    assert.deepEqual(
      request.fields.filter(([name]) => name.toLowerCase() === 'host').map(([, value]) => value),
      [''],
    );
  }
});
