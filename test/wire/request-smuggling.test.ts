/**
 * What one client connection can make a back end believe: requests whose end two readers could see in different places
 * are refused, and no byte behind them is ever a request.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

/** What the attacker wants a back end to see. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
  sluice = await SluiceProcess.start({
    config: { upstreams: { a: { endpoints: [{ address: upstream.address }] } }, routes: [{ upstream: 'a' }] },
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => upstream.forget());

/** Sends the bytes, reads to the end, and returns the statuses; then proves with one more request what the back end saw. */
async function statusesOf(bytes: string): Promise<readonly number[]> {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(bytes);
  const { text, ending } = await client.remainder();
  client.destroy();
  assert.equal(ending, 'end');
  const probe = await RawClient.connect(sluice.httpPort);
  probe.write('GET /probe HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal(await probe.status(), 200);
  probe.destroy();
  return Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), (match) => Number(match[1]));
}

function seen(): readonly string[] {
  return upstream.requests.map(({ target }) => target).filter((target) => target !== '/probe');
}

interface Refused {
  readonly name: string;
  readonly fields: string;
  readonly body?: string;
  readonly version?: string;
}

const chunkedBody = `0\r\n\r\n${SMUGGLED}`;

const REFUSED: readonly Refused[] = [
  { name: 'Content-Length before Transfer-Encoding', fields: 'Content-Length: 5\r\nTransfer-Encoding: chunked' },
  { name: 'Transfer-Encoding before Content-Length', fields: 'Transfer-Encoding: chunked\r\nContent-Length: 5' },
  { name: 'Content-Length 0 beside Transfer-Encoding', fields: 'Content-Length: 0\r\nTransfer-Encoding: chunked' },
  { name: 'two different Content-Length fields', fields: 'Content-Length: 5\r\nContent-Length: 6' },
  { name: 'two equal Content-Length fields', fields: 'Content-Length: 5\r\nContent-Length: 5' },
  { name: 'a list in Content-Length', fields: 'Content-Length: 5, 5' },
  { name: 'a sign in Content-Length', fields: 'Content-Length: +5' },
  { name: 'a negative Content-Length', fields: 'Content-Length: -1' },
  { name: 'a hexadecimal Content-Length', fields: 'Content-Length: 0x5' },
  { name: 'a fraction in Content-Length', fields: 'Content-Length: 5.0' },
  { name: 'an exponent in Content-Length', fields: 'Content-Length: 5e0' },
  { name: 'an underscore in Content-Length', fields: 'Content-Length: 1_0' },
  { name: 'an empty Content-Length', fields: 'Content-Length:' },
  { name: 'a vertical tab beside Content-Length', fields: 'Content-Length: \x0b5' },
  { name: 'a no-break space beside Content-Length', fields: 'Content-Length: 5\xa0' },
  { name: 'a Content-Length of 2^64', fields: 'Content-Length: 18446744073709551616' },
  { name: 'a Content-Length of 2^32 with leading zeros', fields: 'Content-Length: 0000000004294967296' },
  { name: 'two Transfer-Encoding fields', fields: 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked' },
  { name: 'identity after chunked', fields: 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity' },
  { name: 'chunked twice in one field', fields: 'Transfer-Encoding: chunked, chunked' },
  { name: 'another coding before chunked', fields: 'Transfer-Encoding: x, chunked' },
  { name: 'another coding behind chunked', fields: 'Transfer-Encoding: chunked, x' },
  { name: 'a comma before chunked', fields: 'Transfer-Encoding: ,chunked' },
  { name: 'a parameter of chunked', fields: 'Transfer-Encoding: chunked;q=1' },
  { name: 'quotes around chunked', fields: 'Transfer-Encoding: "chunked"' },
  { name: 'xchunked', fields: 'Transfer-Encoding: xchunked' },
  { name: 'an empty Transfer-Encoding', fields: 'Transfer-Encoding:' },
  { name: 'a vertical tab before chunked', fields: 'Transfer-Encoding: \x0bchunked' },
  { name: 'a form feed behind chunked', fields: 'Transfer-Encoding: chunked\x0c' },
  { name: 'a no-break space before chunked', fields: 'Transfer-Encoding: \xa0chunked' },
  { name: 'a byte 0xff behind chunked', fields: 'Transfer-Encoding: chunked\xff' },
  { name: 'a NUL behind chunked', fields: 'Transfer-Encoding: chunked\0' },
  { name: 'Transfer-Encoding in HTTP/1.0', fields: 'Transfer-Encoding: chunked', version: 'HTTP/1.0' },
  { name: 'a space before the colon', fields: 'Transfer-Encoding : chunked' },
  { name: 'a tab before the colon', fields: 'Content-Length\t: 5' },
  { name: 'a space before a field name', fields: 'X: y\r\n Transfer-Encoding: chunked' },
  { name: 'a folded Transfer-Encoding', fields: 'Transfer-Encoding:\r\n chunked' },
  { name: 'a line of one space', fields: 'X: y\r\n \r\nTransfer-Encoding: chunked' },
  { name: 'a bare LF between fields', fields: 'X: y\nTransfer-Encoding: chunked' },
  { name: 'a bare CR in a value', fields: 'X: y\rTransfer-Encoding: chunked' },
  { name: 'CR CR LF at the end of a field', fields: 'X: y\r\r\nTransfer-Encoding: chunked' },
  { name: 'a line without colon', fields: 'X\r\nTransfer-Encoding: chunked' },
  { name: 'an empty field name', fields: ': chunked\r\nContent-Length: 5' },
  { name: 'a control in a field name', fields: 'Transfer-\x08Encoding: chunked' },
  { name: 'a byte 0x80 in a field name', fields: 'Transfer-Encoding\x80: chunked' },
  { name: 'a NUL in a value', fields: 'X: \0\r\nContent-Length: 5' },
  { name: 'Connection that names Content-Length', fields: 'Content-Length: 5\r\nConnection: content-length' },
  { name: 'Connection that names Host', fields: 'Connection: close, host' },
  { name: 'Connection that names X-Forwarded-For', fields: 'Connection: x-forwarded-for' },
  { name: 'a second Host', fields: 'Host: a.example' },
  { name: 'an Upgrade with a body', fields: 'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4' },
];

for (const { name, fields, body = chunkedBody, version = 'HTTP/1.1' } of REFUSED) {
  test(`${name} is refused, and what follows is no request`, async () => {
    const bytes = `POST /first ${version}\r\nHost: a.example\r\n${fields}\r\n\r\n${body}`;
    assert.deepEqual(await statusesOf(bytes), [400]);
    assert.deepEqual(seen(), []);
  });
}

const BAD_CHUNKS: readonly { readonly name: string; readonly body: string }[] = [
  { name: 'a chunk size with 0x', body: `0x5\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk size with a plus', body: `+5\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a negative chunk size', body: `-1\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk size with an underscore', body: `1_0\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a space before the chunk size', body: ` 5\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a space behind the chunk size', body: `5 \r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'an empty chunk size', body: `\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk size of more than 13 digits', body: `00000000000005\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk size that wraps at 2^64', body: `10000000000000005\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a bare LF behind the chunk size', body: `5\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a bare CR behind the chunk size', body: `5\rhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a bare LF in a chunk extension', body: `5;a\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a bare CR in a chunk extension', body: `5;a\rb\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a NUL in a chunk extension', body: `5;a\0\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk extension of 300 bytes', body: `5;${'a'.repeat(300)}\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk longer than its size', body: `5\r\nhelloXX0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk that ends with a bare LF', body: `5\r\nhello\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk that ends with CR and another byte', body: `5\r\nhello\rX0\r\n\r\n${SMUGGLED}` },
  { name: 'a trailer section that ends with bare LFs', body: `5\r\nhello\r\n0\r\n\n${SMUGGLED}` },
  { name: 'a folded trailer', body: `5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n${SMUGGLED}` },
  { name: 'a trailer without colon', body: `5\r\nhello\r\n0\r\nGET\r\n\r\n${SMUGGLED}` },
  { name: 'trailers of more than 8 KiB', body: `0\r\nX: ${'y'.repeat(9_000)}\r\n\r\n${SMUGGLED}` },
];

for (const { name, body } of BAD_CHUNKS) {
  test(`${name} breaks the body: answered 400, and the back end never gets a complete request`, async () => {
    const bytes = `POST /first HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
    assert.deepEqual(await statusesOf(bytes), [400]);
    assert.deepEqual(seen(), []);
  });
}

test('chunk extensions and trailers are read and not forwarded', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(
    'POST /first HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nTrailer: X-Admin\r\n\r\n' +
      '5;ext="a;b"\r\nhello\r\n6\r\n world\r\n0;last\r\nX-Admin: yes\r\nContent-Length: 5\r\n\r\n',
  );
  assert.equal(await client.status(), 200);
  client.destroy();
  const request = await upstream.request();
  assert.equal(request.body.toString(), 'hello world');
  assert.equal(request.field('X-Admin'), null);
  assert.equal(request.field('Trailer'), null);
  assert.equal(request.field('Content-Length'), null);
  assert.match(request.connection.received.toString(), /\r\n0\r\n\r\n$/);
});

test('a request in the body of a GET stays a body', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`GET /first HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`);
  assert.equal(await client.status(), 200);
  client.destroy();
  const request = await upstream.request();
  assert.equal(request.body.toString(), SMUGGLED);
  assert.deepEqual(seen(), ['/first']);
});

test('the body of a request that is answered locally is thrown away, however late it comes', async () => {
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`OPTIONS * HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`);
  assert.equal(await client.status(), 204);
  client.write(SMUGGLED);
  client.write('GET /second HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal(await client.status(), 200);
  client.destroy();
  assert.deepEqual(seen(), ['/second']);
});

test('after Connection: close nothing more of the connection is a request', async () => {
  const bytes = `GET /first HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, Close\r\n\r\n${SMUGGLED}`;
  assert.deepEqual(await statusesOf(bytes), [200]);
  assert.deepEqual(seen(), ['/first']);
});

test('after an HTTP/1.0 request without keep-alive nothing more of the connection is a request', async () => {
  assert.deepEqual(await statusesOf(`GET /first HTTP/1.0\r\nHost: a.example\r\n\r\n${SMUGGLED}`), [200]);
  assert.deepEqual(seen(), ['/first']);
});

test('CONNECT and TRACE are refused, and what follows is no request', async () => {
  assert.deepEqual(await statusesOf(`CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n${SMUGGLED}`), [405]);
  assert.deepEqual(await statusesOf(`TRACE / HTTP/1.1\r\nHost: a.example\r\n\r\n${SMUGGLED}`), [405]);
  assert.deepEqual(seen(), []);
});

test('a body cut short by the client is never completed towards the back end', async () => {
  const cut = [
    { target: '/cut-length', framing: 'Content-Length: 100\r\n\r\nhello' },
    { target: '/cut-chunked', framing: 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n' },
  ];
  for (const { target, framing } of cut) {
    const client = await RawClient.connect(sluice.httpPort);
    client.write(`POST ${target} HTTP/1.1\r\nHost: a.example\r\n${framing}`);
    const connection = await upstream.until(() =>
      upstream.connections.find(({ received }) => received.includes(target) && received.includes('hello')),
    );
    client.destroy();
    await upstream.untilClosed(connection);
    assert.equal(connection.received.toString().endsWith('0\r\n\r\n'), false);
  }
  assert.deepEqual(seen(), []);
});
