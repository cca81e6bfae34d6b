/** What of a request stands in the access log: what was routed and forwarded, escaped, and never its credentials. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { type LogLine, SluiceProcess } from '../support/sluice-process.ts';

let upstream: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  upstream = await ScriptedUpstream.start(() => ok('fine'));
  sluice = await SluiceProcess.start({
    config: {
      upstreams: { a: { endpoints: [{ address: upstream.address }] } },
      routes: [
        { host: 'a.example', path: { prefix: '/' }, upstream: 'a' },
        { host: 'a.example', path: { prefix: '/b' }, upstream: 'a' },
      ],
    },
    args: ['--access-log', 'json'],
  });
});

after(async () => {
  await sluice.kill();
  await upstream.close();
});

beforeEach(() => upstream.forget());

async function logged(text: string): Promise<LogLine> {
  const from = sluice.logs.length;
  const client = await RawClient.connect(sluice.httpPort);
  client.write(text);
  await client.response();
  client.destroy();
  return sluice.log('access', from);
}

test('routed, forwarded and logged is one and the same method, host and path', async () => {
  const line = await logged('PuT http://A.example:80/x/%2e%2e/b/%7ec?q=/../ HTTP/1.1\r\nHost: a.example:80\r\n\r\n');
  const request = await upstream.request();
  assert.equal(request.startLine, 'PuT /b/~c?q=/../ HTTP/1.1');
  assert.equal(request.field('Host'), 'A.example:80');
  assert.deepEqual(
    [line['method'], line['host'], line['target']],
    [request.method, request.field('Host'), request.target],
  );
  assert.match(String(line['route']), /\/b/);
});

test('credentials are never logged, whether the request was served, refused or broken', async () => {
  const secret = 'c2VjcmV0';
  const fields = `Authorization: Basic ${secret}\r\nProxy-Authorization: Basic ${secret}\r\nCookie: id=${secret}\r\n`;
  const from = sluice.logs.length;
  await logged(`GET / HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`);
  await logged(`GET / HTTP/1.1\r\nHost: unknown.example\r\n${fields}\r\n`);
  await logged(`GET / HTTP/1.1\r\nHost: a.example\r\n${fields}Broken\r\n\r\n`);
  await logged(`GET / HTTP/1.1\r\nHost: a.example\r\n${fields}Connection: cookie\r\n\r\n`);
  const lines = sluice.logs.slice(from);
  assert.equal(lines.filter(({ msg }) => msg === 'access').length, 4);
  assert.equal(JSON.stringify(lines).includes(secret), false);
  assert.equal(sluice.otherOutput.includes(secret), false);
});

test('hostile text in a request leaves one line of JSON, with escapes for what is not printable', async () => {
  const agent = '"}\t{"msg":"forged"}\x9b31m\xff';
  const line = await logged(`GET /%0d%0a%1b"?\\ HTTP/1.1\r\nHost: a.example\r\nUser-Agent: ${agent}\r\n\r\n`);
  assert.equal(line['userAgent'], agent);
  assert.equal(line['target'], '/%0D%0A%1B"?\\');
  assert.equal(
    sluice.logs.some(({ msg }) => msg === 'forged'),
    false,
  );
  assert.equal(sluice.otherOutput, '');
});
