/** Answers of a mirror target are compared with those the clients got, and what differs is told without telling secrets. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { closedPort } from '../support/closed-port.ts';
import { countsOf, mirrorReport, untilMirror } from '../support/mirror-report.ts';
import { RawClient } from '../support/raw-client.ts';
import { type Script, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

/** The answer stands in a field of the request: `200 text/plain body`. */
const answering =
  (side: string): Script =>
  (request) => {
    const [status, type, body = ''] = (request.field(side) ?? '200 text/plain same').split(' ');
    const noise = `X-Noise: ${side}\r\n`;
    return `HTTP/1.1 ${status} Any\r\nContent-Type: ${type}\r\n${noise}Content-Length: ${body.length}\r\n\r\n${body}`;
  };

let production: ScriptedUpstream;
let shadow: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  production = await ScriptedUpstream.start(answering('x-production'));
  shadow = await ScriptedUpstream.start(answering('x-shadow'));
  const url = `http://${shadow.address}$request_uri`;
  const gone = `http://127.0.0.1:${await closedPort()}/`;
  const mirrors = {
    all: { url, compare: {} },
    some: { url, compare: { headers: ['X-Noise'], body: false } },
    gone: { url: gone, compare: {} },
    silent: { url },
  };
  const routes = Object.entries(mirrors).map(([name, mirror]) => {
    return { path: { prefix: `/${name}` }, upstream: 'a', mirror };
  });
  const upstreams = { a: { endpoints: [{ address: production.address }] } };
  sluice = await SluiceProcess.start({ config: { upstreams, routes } });
});

after(async () => {
  await sluice.kill();
  await production.close();
  await shadow.close();
});

async function get(t: TestContext, target: string, fields = ''): Promise<void> {
  const client = await RawClient.connect(sluice.httpPort);
  t.after(() => client.destroy());
  client.write(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`);
  await client.response();
}

/** What the comparisons of a route have counted since a report. */
async function counted(path: string, name: string, count: number): Promise<void> {
  await untilMirror(sluice, (report) => countsOf(report, path)[name] === count);
}

test('equal answers are counted, whatever else stands in their heads', async (t) => {
  for (let turn = 0; turn < 5; turn++) await get(t, `/all/${turn}`);
  await counted('/all', '=equal', 5);
  assert.deepEqual((await mirrorReport(sluice)).samples, []);
});

test('what differs is counted by what differs first, and shown without query and values', async (t) => {
  const shadowed = ['500 text/plain same', '200 text/html same', '200 text/plain other', '404 text/html nothing'];
  for (const answer of shadowed) {
    const secrets = 'Authorization: Bearer hidden\r\nCookie: sid=hidden\r\nX-Request-ID: r1\r\n';
    await get(t, '/all/differs?token=hidden', `${secrets}X-Shadow: ${answer}\r\n`);
    await untilMirror(sluice, ({ inFlight }) => inFlight === 0);
  }
  const report = await untilMirror(sluice, ({ samples }) => samples.length === 4);
  const counts = countsOf(report, '/all');
  assert.deepEqual([counts['=status'], counts['=headers'], counts['=body']], [2, 1, 1]);
  assert.deepEqual(
    report.samples.map(({ differences }) => differences),
    [['status', 'header content-type', 'body'], ['body'], ['header content-type'], ['status']],
  );
  const { time, ...sample } = report.samples[3] ?? { time: '' };
  assert.ok(!Number.isNaN(Date.parse(time)));
  assert.deepEqual(sample, {
    routeId: '|prefix|/all',
    requestId: 'r1',
    method: 'GET',
    path: '/all/differs',
    status: 200,
    mirrorStatus: 500,
    differences: ['status'],
  });
  assert.ok(!JSON.stringify(report).includes('hidden'));
});

test('a route chooses which headers are compared, and whether bodies are', async (t) => {
  await get(t, '/some', 'X-Shadow: 200 text/html other\r\n');
  await counted('/some', '=headers', 1);
  const [sample] = (await mirrorReport(sluice)).samples;
  assert.deepEqual(sample?.differences, ['header x-noise']);
});

test('samples are bounded', async (t) => {
  const client = await RawClient.connect(sluice.httpPort);
  t.after(() => client.destroy());
  for (let turn = 0; turn < 200; turn++) {
    client.write('GET /some HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await client.response();
  }
  await untilMirror(sluice, ({ inFlight }) => inFlight === 0);
  assert.equal((await mirrorReport(sluice)).samples.length, 64);
});

test('without an answer of the target nothing can be compared', async (t) => {
  await get(t, '/gone');
  await counted('/gone', '=incomplete', 1);
  assert.equal(countsOf(await mirrorReport(sluice), '/gone')['failed'], 1);
});

test('without `compare` nothing is compared', async (t) => {
  await get(t, '/silent', 'X-Shadow: 500 text/html other\r\n');
  const report = await untilMirror(sluice, (each) => countsOf(each, '/silent')['answered'] === 1);
  assert.equal(countsOf(report, '/silent')['=status'], 0);
});

test('comparisons are metrics of the route', async () => {
  const labels = 'result="body",route="|prefix|/all",host="",path="/all",namespace="",ingress=""';
  assert.equal(await sluice.metric(`sluice_mirror_compared_total{${labels}}`), 1);
});
