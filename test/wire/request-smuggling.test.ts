/**
 * What one client connection can make a back end believe: requests whose end two readers could see in different places
 * are refused, and no byte behind them is ever a request.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { fieldOf, statusOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream, type UpstreamPeer } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

/** What the attacker wants a back end to see. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;
/** Bytes the back end had received when the test began. */
let receivedBefore: ReadonlyMap<UpstreamPeer, number>;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
  sluice = await SluiceProcess.start({
    config: {
      upstreams: { a: { endpoints: [{ address: upstream.address }] } },
      routes: [
        { host: 'a.example', upstream: 'a' },
        { host: 'a.example', path: { prefix: '/limited' }, upstream: 'a', maxBodySize: 10 },
      ],
    },
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => {
  upstream.forget();
  receivedBefore = new Map(upstream.connections.map((connection) => [connection, connection.receivedBytes]));
});

/** How the attacker's bytes arrive. */
const DELIVERIES = ['in one piece', 'byte by byte'] as const;

async function deliver(client: RawClient, bytes: string, delivery: (typeof DELIVERIES)[number]): Promise<void> {
  if (delivery === 'in one piece') client.write(bytes);
  else {
    for (const byte of Buffer.from(bytes, 'latin1')) {
      await new Promise((resolve) => {
        client.socket.write(Buffer.of(byte), resolve);
      });
    }
  }
}

/** Sends the bytes, reads to the end, and returns the statuses; then proves with one more request what the back end saw. */
async function statusesOf(
  bytes: string,
  delivery: (typeof DELIVERIES)[number] = 'in one piece',
): Promise<readonly number[]> {
  const client = await RawClient.connect(sluice.httpPort);
  await deliver(client, bytes, delivery);
  const { text, ending } = await client.remainder();
  client.destroy();
  assert.equal(ending, 'end');
  await probe();
  return Array.from(text.matchAll(/HTTP\/1\.1 (\d{3}) /g), (match) => Number(match[1]));
}

/** A request after which everything the back end got before has been seen. */
async function probe(): Promise<void> {
  const client = await RawClient.connect(sluice.httpPort);
  client.write('GET /probe HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal(await client.status(), 200);
  client.destroy();
}

function seen(): readonly string[] {
  return upstream.requests.map(({ target }) => target).filter((target) => target !== '/probe');
}

/** Not even as a part of something else. */
function assertNothingSmuggled(): void {
  for (const connection of upstream.connections) {
    assert.equal(connection.received.subarray(receivedBefore.get(connection) ?? 0).includes('/smuggled'), false);
  }
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
  { name: 'a list of different lengths', fields: 'Content-Length: 5, 6' },
  { name: 'a comma behind Content-Length', fields: 'Content-Length: 5,' },
  { name: 'two numbers in Content-Length', fields: 'Content-Length: 5 5' },
  { name: 'different lengths in different letters', fields: 'Content-Length: 0\r\ncONTENT-lENGTH: 5' },
  { name: 'a minus zero in Content-Length', fields: 'Content-Length: -0' },
  { name: 'quotes around Content-Length', fields: 'Content-Length: "5"' },
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
  { name: 'identity before chunked', fields: 'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked' },
  { name: 'an empty coding before chunked', fields: 'Transfer-Encoding:\r\nTransfer-Encoding: chunked' },
  { name: 'identity alone', fields: 'Transfer-Encoding: identity' },
  { name: 'an unknown coding', fields: 'Transfer-Encoding: gzip' },
  { name: 'a coding we know before chunked', fields: 'Transfer-Encoding: gzip, chunked' },
  { name: 'a comma behind chunked', fields: 'Transfer-Encoding: chunked,' },
  { name: 'a blank inside chunked', fields: 'Transfer-Encoding: chun ked' },
  { name: 'chunked twice in one field', fields: 'Transfer-Encoding: chunked, chunked' },
  { name: 'another coding before chunked', fields: 'Transfer-Encoding: x, chunked' },
  { name: 'another coding behind chunked', fields: 'Transfer-Encoding: chunked, x' },
  { name: 'a comma before chunked', fields: 'Transfer-Encoding: ,chunked' },
  { name: 'a parameter of chunked', fields: 'Transfer-Encoding: chunked;q=1' },
  { name: 'quotes around chunked', fields: 'Transfer-Encoding: "chunked"' },
  { name: 'xchunked', fields: 'Transfer-Encoding: xchunked' },
  { name: 'an empty Transfer-Encoding', fields: 'Transfer-Encoding:' },
  { name: 'chunkedx', fields: 'Transfer-Encoding: chunkedx' },
  { name: 'a vertical tab before chunked', fields: 'Transfer-Encoding: \x0bchunked' },
  { name: 'a form feed behind chunked', fields: 'Transfer-Encoding: chunked\x0c' },
  { name: 'a no-break space before chunked', fields: 'Transfer-Encoding: \xa0chunked' },
  { name: 'a byte 0xff behind chunked', fields: 'Transfer-Encoding: chunked\xff' },
  { name: 'a byte 0x85 behind chunked', fields: 'Transfer-Encoding: chunked\x85' },
  { name: 'a NUL before chunked', fields: 'Transfer-Encoding: \0chunked' },
  { name: 'a NUL behind the name', fields: 'Transfer-Encoding\0: chunked' },
  { name: 'a NUL behind chunked', fields: 'Transfer-Encoding: chunked\0' },
  { name: 'Transfer-Encoding in HTTP/1.0', fields: 'Transfer-Encoding: chunked', version: 'HTTP/1.0' },
  { name: 'a space before the colon', fields: 'Transfer-Encoding : chunked' },
  { name: 'a tab before the colon', fields: 'Content-Length\t: 5' },
  { name: 'a space before a field name', fields: 'X: y\r\n Transfer-Encoding: chunked' },
  { name: 'a folded Transfer-Encoding', fields: 'Transfer-Encoding:\r\n chunked' },
  { name: 'a Transfer-Encoding folded by a tab', fields: 'Transfer-Encoding:\r\n\tchunked' },
  { name: 'a folded Content-Length', fields: 'Content-Length: 5\r\n 0' },
  { name: 'a line of one tab', fields: 'X: y\r\n\t\r\nTransfer-Encoding: chunked' },
  { name: 'a line of one space', fields: 'X: y\r\n \r\nTransfer-Encoding: chunked' },
  { name: 'a bare LF between fields', fields: 'X: y\nTransfer-Encoding: chunked' },
  { name: 'a bare CR in a value', fields: 'X: y\rTransfer-Encoding: chunked' },
  { name: 'CR CR LF at the end of a field', fields: 'X: y\r\r\nTransfer-Encoding: chunked' },
  { name: 'CR and another byte where the head could end', fields: 'X: y\r\n\rTransfer-Encoding: chunked' },
  { name: 'a bare LF where the head could end', fields: 'X: y\r\n\nTransfer-Encoding: chunked' },
  { name: 'two bare LFs where the head could end', fields: 'Content-Length: 0\n\nGET /smuggled HTTP/1.1' },
  { name: 'a line without colon', fields: 'X\r\nTransfer-Encoding: chunked' },
  { name: 'an empty field name', fields: ': chunked\r\nContent-Length: 5' },
  { name: 'a control in a field name', fields: 'Transfer-\x08Encoding: chunked' },
  { name: 'a byte 0x80 in a field name', fields: 'Transfer-Encoding\x80: chunked' },
  { name: 'a NUL in a value', fields: 'X: \0\r\nContent-Length: 5' },
  { name: 'Connection that names Content-Length', fields: 'Content-Length: 5\r\nConnection: content-length' },
  {
    name: 'Connection that names Transfer-Encoding',
    fields: 'Transfer-Encoding: chunked\r\nConnection: transfer-encoding',
  },
  { name: 'Connection that names Host', fields: 'Connection: close, host' },
  { name: 'Connection that names X-Forwarded-For', fields: 'Connection: x-forwarded-for' },
  { name: 'a second Host', fields: 'Host: a.example' },
  { name: 'an Upgrade with chunks', fields: 'Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked' },
  { name: 'an Upgrade with a body', fields: 'Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4' },
];

for (const { name, fields, body = chunkedBody, version = 'HTTP/1.1' } of REFUSED) {
  for (const delivery of DELIVERIES) {
    test(`${name} is refused ${delivery}, and what follows is no request`, async () => {
      const bytes = `POST /first ${version}\r\nHost: a.example\r\n${fields}\r\n\r\n${body}`;
      assert.deepEqual(await statusesOf(bytes, delivery), [400]);
      assert.deepEqual(seen(), []);
      assertNothingSmuggled();
    });
  }
}

/** Lines before the request line, or in the place of it. */
const BAD_STARTS: readonly { readonly name: string; readonly start: string; readonly status?: number }[] = [
  { name: 'a folded first field', start: 'POST /first HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a.example' },
  { name: 'a bare LF behind the request line', start: 'POST /first HTTP/1.1\nHost: a.example' },
  { name: 'a bare CR behind the request line', start: 'POST /first HTTP/1.1\rHost: a.example' },
  { name: 'three empty lines first', start: '\r\n\r\n\r\nPOST /first HTTP/1.1\r\nHost: a.example' },
  { name: 'a bare LF first', start: '\nPOST /first HTTP/1.1\r\nHost: a.example' },
  { name: 'a request in the target', start: 'GET /first\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.example' },
  {
    name: 'a PROXY header, version 1',
    start: 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nPOST /first HTTP/1.1\r\nHost: a.example',
  },
  {
    name: 'a PROXY header, version 2',
    start:
      '\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02POST /first HTTP/1.1\r\nHost: a.example',
  },
  { name: 'a version we do not speak', start: 'POST /first HTTP/1.2\r\nHost: a.example', status: 505 },
];

for (const { name, start, status = 400 } of BAD_STARTS) {
  for (const delivery of DELIVERIES) {
    test(`${name} is refused ${delivery}, and the rest is no request`, async () => {
      const bytes = `${start}\r\nContent-Length: ${chunkedBody.length}\r\n\r\n${chunkedBody}`;
      assert.deepEqual(await statusesOf(bytes, delivery), [status]);
      assert.deepEqual(seen(), []);
      assertNothingSmuggled();
    });
  }
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
  { name: 'a tab behind the chunk size', body: `5\t\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a dot in the chunk size', body: `5.0\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a last chunk of fourteen zeros', body: `5\r\nhello\r\n00000000000000\r\n\r\n${SMUGGLED}` },
  { name: 'a last chunk with a minus', body: `5\r\nhello\r\n-0\r\n\r\n${SMUGGLED}` },
  { name: 'an extension without name', body: `5;\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a blank before a chunk extension', body: `5 ;a=b\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a blank inside a chunk extension', body: `5;a =b\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a line break in a quoted chunk extension', body: `5;a="\r\nhello\r\n0\r\n\r\n"\r\n${SMUGGLED}` },
  { name: 'a quoted chunk extension without end', body: `5;a="b\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  {
    name: 'chunk extensions of more than 16 KiB',
    body: `${`1;${'a'.repeat(200)}\r\nx\r\n`.repeat(90)}0\r\n\r\n${SMUGGLED}`,
  },
  { name: 'a bare LF behind the last chunk', body: `5\r\nhello\r\n0\n\r\n${SMUGGLED}` },
  { name: 'a bare CR behind the last chunk', body: `5\r\nhello\r\n0\r\r\n${SMUGGLED}` },
  { name: 'CR and another byte behind the last chunk', body: `5\r\nhello\r\n0\r\n\r${SMUGGLED}` },
  { name: 'bytes behind the last chunk that are no field', body: `5\r\nhello\r\n0\r\nX${SMUGGLED}` },
  { name: 'a NUL in a trailer', body: `5\r\nhello\r\n0\r\nX: \0\r\n\r\n${SMUGGLED}` },
  { name: 'a bare LF in the trailers', body: `5\r\nhello\r\n0\r\nX: y\nZ: w\r\n\r\n${SMUGGLED}` },
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
  for (const delivery of DELIVERIES) {
    test(`${name} breaks the body ${delivery}: answered 400, and the back end never gets a complete request`, async () => {
      const bytes = `POST /first HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
      assert.deepEqual(await statusesOf(bytes, delivery), [400]);
      assert.deepEqual(seen(), []);
      assertNothingSmuggled();
    });
  }
}

interface Carried {
  readonly name: string;
  readonly line?: string;
  readonly fields?: string;
  readonly chunked?: boolean;
}

/** Requests with one reading whose whole body is the other request. */
const CARRIED: readonly Carried[] = [
  { name: 'of a GET', line: 'GET' },
  { name: 'of a HEAD', line: 'HEAD' },
  { name: 'of an OPTIONS', line: 'OPTIONS' },
  { name: 'of a DELETE', line: 'DELETE' },
  { name: 'of a method nobody knows', line: 'BREW' },
  { name: 'of a GET in chunks', line: 'GET', chunked: true },
  { name: 'of a HEAD in chunks', line: 'HEAD', chunked: true },
  { name: 'of an OPTIONS in chunks', line: 'OPTIONS', chunked: true },
  { name: 'of a DELETE in chunks', line: 'DELETE', chunked: true },
  { name: 'beside Content_Length', fields: 'Content_Length: 0' },
  { name: 'beside Transfer_Encoding', fields: 'Transfer_Encoding: chunked' },
  { name: 'beside Content-Encoding: chunked', fields: 'Content-Encoding: chunked' },
  { name: 'beside TE: chunked', fields: 'TE: chunked' },
  { name: 'beside an expectation in an odd spelling', fields: 'Expect: y 100-continue' },
  { name: 'beside two expectations', fields: 'Expect: 100-continue\r\nExpect: 100-continue' },
  { name: 'beside a list of expectations', fields: 'Expect: 100-continue, 100-continue' },
  { name: 'beside an offer of h2c', fields: 'Connection: Upgrade\r\nUpgrade: h2c' },
  { name: 'beside a nomination of something else', fields: 'Connection: content-encoding, keep-alive' },
  { name: 'with blanks around its length', fields: 'X-Last: 1\r\nX: \t ' },
  { name: 'in chunks behind a tab', fields: 'X: y', chunked: true },
];

for (const { name, line = 'POST', fields, chunked = false } of CARRIED) {
  for (const delivery of DELIVERIES) {
    test(`a request in the body ${name} stays a body ${delivery}`, async () => {
      const framing = chunked ? 'Transfer-Encoding:\tChunked\t' : `Content-Length: \t${SMUGGLED.length} `;
      const body = chunked ? `${SMUGGLED.length.toString(16)};x=y\r\n${SMUGGLED}\r\n0\r\n\r\n` : SMUGGLED;
      const extra = fields === undefined ? '' : `${fields}\r\n`;
      const client = await RawClient.connect(sluice.httpPort);
      const head = `${line} /first HTTP/1.1\r\nHost: a.example\r\n${extra}${framing}\r\n\r\n`;
      await deliver(client, `${head}${body}GET /second HTTP/1.1\r\nHost: a.example\r\n\r\n`, delivery);
      assert.equal(statusOf(await client.response(line === 'HEAD')), 200);
      assert.equal(await client.status(), 200);
      client.destroy();
      assert.deepEqual(seen(), ['/first', '/second']);
      const [first] = upstream.requests;
      assert.equal(first?.body.toString(), SMUGGLED);
      assert.equal(first?.framing, chunked ? 'chunked' : 'length');
    });
  }
}

interface LocalAnswer {
  readonly name: string;
  readonly line: string;
  readonly host?: string;
  readonly fields?: string;
  readonly status: number;
}

/** What is answered without a back end, and so without reading the body for one. */
const LOCAL_ANSWERS: readonly LocalAnswer[] = [
  { name: 'OPTIONS *', line: 'OPTIONS *', status: 204 },
  { name: 'an OPTIONS that may go no further', line: 'OPTIONS /first', fields: 'Max-Forwards: 0\r\n', status: 204 },
  { name: 'an unknown host', line: 'POST /first', host: 'b.example', status: 404 },
  { name: 'a body above the limit', line: 'POST /limited', status: 413 },
];

for (const { name, line, host = 'a.example', fields = '', status } of LOCAL_ANSWERS) {
  for (const late of [false, true]) {
    const when = late ? 'comes late' : 'comes with its head';
    const head = `${line} HTTP/1.1\r\nHost: ${host}\r\n${fields}`;

    test(`${name}: the body is thrown away that ${when}, and then the next request is read`, async () => {
      const client = await RawClient.connect(sluice.httpPort);
      client.write(`${head}Content-Length: ${SMUGGLED.length}\r\n\r\n${late ? '' : SMUGGLED}`);
      assert.equal(await client.status(), status);
      if (late) client.write(SMUGGLED);
      client.write('GET /second HTTP/1.1\r\nHost: a.example\r\n\r\n');
      assert.equal(await client.status(), 200);
      client.destroy();
      assert.deepEqual(seen(), ['/second']);
      assertNothingSmuggled();
    });

    // A limit is only reached by reading, which is another test.
    if (status === 413) continue;
    test(`${name}: a chunked body that ${when} ends the connection`, async () => {
      const body = `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n${SMUGGLED}`;
      const client = await RawClient.connect(sluice.httpPort);
      client.write(`${head}Transfer-Encoding: chunked\r\n\r\n${late ? '' : body}`);
      const response = await client.response();
      assert.equal(statusOf(response), status);
      assert.equal(fieldOf(response, 'Connection'), 'close');
      if (late) client.write(body);
      assert.deepEqual(await client.remainder(), { text: '', ending: 'end' });
      client.destroy();
      await probe();
      assert.deepEqual(seen(), []);
      assertNothingSmuggled();
    });
  }
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
