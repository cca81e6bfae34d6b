/** What the body of an HTTP/2 request can make an HTTP/1.1 back end believe: DATA is a body and nothing else, however it is cut. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import {
  END_HEADERS,
  END_STREAM,
  FrameClient,
  FrameType,
  fieldBlock,
  frame,
  getFields,
} from '../support/http2-frames.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { configTo, SluiceProcess } from '../support/sluice-process.ts';

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
  sluice = await SluiceProcess.start({
    config: configTo(upstream.address),
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => upstream.forget());

async function connect(t: TestContext): Promise<FrameClient> {
  const client = await FrameClient.connect(sluice.httpPort);
  t.after(() => client.destroy());
  return client;
}

function head(method: string, ...fields: readonly (readonly [string, string])[]): Buffer {
  const [, ...rest] = getFields('/first');
  return frame(FrameType.Headers, END_HEADERS, 1, fieldBlock([[':method', method], ...rest, ...fields]));
}

interface Carried {
  readonly name: string;
  readonly fields?: readonly (readonly [string, string])[];
  readonly pieces: readonly string[];
}

const CHUNK = `0\r\n\r\n${SMUGGLED}`;

const CARRIED: readonly Carried[] = [
  { name: 'a whole request', pieces: [SMUGGLED] },
  { name: 'a last chunk and a request', pieces: [CHUNK] },
  { name: 'a request byte by byte', pieces: SMUGGLED.split('') },
  { name: 'empty frames in between', pieces: ['', '0\r\n', '', '', `\r\n${SMUGGLED}`, ''] },
  { name: 'a request with its length', fields: [['content-length', String(SMUGGLED.length)]], pieces: [SMUGGLED] },
  {
    name: 'empty frames in between and a length',
    fields: [['content-length', String(SMUGGLED.length)]],
    pieces: ['', SMUGGLED.slice(0, 10), '', SMUGGLED.slice(10), ''],
  },
];

for (const { name, fields = [], pieces } of CARRIED) {
  for (const method of ['POST', 'GET', 'HEAD']) {
    test(`${name} in the DATA of a ${method} is the body of one request`, async (t) => {
      const client = await connect(t);
      client.write(head(method, ...fields));
      for (const piece of pieces) client.write(frame(FrameType.Data, 0, 1, piece));
      client.write(frame(FrameType.Data, END_STREAM, 1));
      const request = await upstream.request();
      await client.find(FrameType.Headers, 1);
      assert.equal(request.target, '/first');
      assert.equal(request.body.toString('latin1'), pieces.join(''));
      assert.equal(request.framing, fields.length === 0 ? 'chunked' : 'length');
      const probe = await RawClient.connect(sluice.httpPort);
      probe.write('GET /probe HTTP/1.1\r\nHost: a.example\r\n\r\n');
      assert.equal(await probe.status(), 200);
      probe.destroy();
      assert.deepEqual(
        upstream.requests.map(({ target }) => target),
        ['/first', '/probe'],
      );
    });
  }
}
