/** Answers of a mirror target that are longer than anybody reads: what that costs is bounded, unless production answers so too. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { countsOf, mirrorReport, untilMirror } from '../support/mirror-report.ts';
import { RawClient } from '../support/raw-client.ts';
import { type Script, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const READ_BYTES = 262_144;
const FAILURES_TO_PAUSE = 5;

/** The length stands in the path, once for production and once for the target: `/route/10/20`. */
const answering =
  (place: number): Script =>
  ({ target }) => {
    const bytes = Number(target.split('/')[place]);
    return `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`;
  };

let production: ScriptedUpstream;
let shadow: ScriptedUpstream;
let sluice: SluiceProcess;

before(async () => {
  production = await ScriptedUpstream.start(answering(2));
  shadow = await ScriptedUpstream.start(answering(3));
  // Each host is a target of its own.
  const routes = ['long', 'both', 'read'].map((name) => {
    const mirror = { url: `http://${shadow.address}$request_uri`, host: `${name}.example` };
    return { path: { prefix: `/${name}` }, upstream: 'a', mirror };
  });
  sluice = await SluiceProcess.start({
    config: { upstreams: { a: { endpoints: [{ address: production.address }] } }, routes },
  });
});

after(async () => {
  await sluice.kill();
  await production.close();
  await shadow.close();
});

/** One after the other, each when nothing is left of the one before. */
async function send(path: string, times: number): Promise<Readonly<Record<string, number>>> {
  const client = await RawClient.connect(sluice.httpPort);
  for (let turn = 0; turn < times; turn++) {
    client.write(`GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`);
    assert.equal((await client.response()).body.length, Number(path.split('/')[2]));
    await untilMirror(sluice, ({ inFlight }) => inFlight === 0);
  }
  client.destroy();
  return countsOf(await mirrorReport(sluice), path.slice(0, path.indexOf('/', 1)));
}

test('a target is paused when its answers are cut and those of production are not as long', async () => {
  const { answered, paused = 0 } = await send(`/long/10/${READ_BYTES * 8}`, FAILURES_TO_PAUSE + 1);
  assert.equal(answered, FAILURES_TO_PAUSE);
  assert.equal(paused, 1);
  assert.ok(sluice.logs.some(({ reason }) => reason === 'answer too long'));
});

test('where production answers as long, it is not', async () => {
  const length = READ_BYTES * 2;
  const { answered } = await send(`/both/${length}/${length}`, FAILURES_TO_PAUSE * 2);
  assert.equal(answered, FAILURES_TO_PAUSE * 2);
});

test('an answer that is not too long is read to its end, and its connection used again', async () => {
  const connections = shadow.connections.length;
  const { answered } = await send(`/read/10/${READ_BYTES}`, FAILURES_TO_PAUSE * 2);
  assert.equal(answered, FAILURES_TO_PAUSE * 2);
  assert.equal(shadow.connections.length, connections + 1);
});
