/** Canaries by match and by user, from the request to the access log, and what `explain` says of the same requests. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { type LogLine, SluiceProcess } from '../support/sluice-process.ts';

const USERS = 40;

let main: ScriptedUpstream;
let next: ScriptedUpstream;
const processes: SluiceProcess[] = [];

function configOf(weight: number): unknown {
  return {
    upstreams: { main: { endpoints: [{ address: main.address }] }, next: { endpoints: [{ address: next.address }] } },
    routes: [
      {
        upstream: 'main',
        buckets: { by: 'header:X-User', seed: 'release-1' },
        canaries: [
          {
            upstream: 'next',
            match: [{ all: [{ query: 'beta' }, { source: ['127.0.0.0/8'] }, { method: ['GET'] }] }],
            weight,
          },
        ],
      },
    ],
  };
}

before(async () => {
  main = await ScriptedUpstream.start(() => ok('main'));
  next = await ScriptedUpstream.start(() => ok('next'));
  for (let count = 0; count < 2; count++) {
    processes.push(await SluiceProcess.start({ config: configOf(50), args: ['--access-log', 'json'] }));
  }
});

after(async () => {
  for (const sluice of processes) await sluice.kill();
  await main.close();
  await next.close();
});

interface Visit {
  readonly version: string;
  readonly line: LogLine;
}

async function visit(sluice: SluiceProcess, target: string, fields = ''): Promise<Visit> {
  const from = sluice.logs.length;
  const client = await RawClient.connect(sluice.httpPort);
  client.write(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`);
  const { body } = await client.response();
  client.destroy();
  return { version: body.toString(), line: await sluice.log('access', from) };
}

async function visitAll(sluice: SluiceProcess): Promise<readonly Visit[]> {
  const visits: Visit[] = [];
  for (let at = 0; at < USERS; at++) visits.push(await visit(sluice, '/', `X-User: user-${at}\r\n`));
  return visits;
}

test('a match takes the request, and the access log says so', async () => {
  const [sluice] = processes as [SluiceProcess];
  const { version, line } = await visit(sluice, '/?beta=1', 'X-User: nobody\r\n');
  assert.deepEqual([version, line['canary'], line['split'], line['bucket']], ['next', true, 'match', null]);
});

test('two processes give every user the same version, and a share that grows keeps them all', async () => {
  const [one, other] = processes as [SluiceProcess, SluiceProcess];
  const former = await visitAll(one);
  const elsewhere = await visitAll(other);
  assert.deepEqual(
    former.map(({ version, line }) => [version, line['bucket']]),
    elsewhere.map(({ version, line }) => [version, line['bucket']]),
  );
  assert.deepEqual(new Set(former.map(({ version }) => version)), new Set(['main', 'next']));
  for (const { version, line } of former) {
    const isIn = Number(line['bucket']) < 2 ** 30;
    assert.deepEqual([version, line['split']], isIn ? ['next', 'weight'] : ['main', 'main']);
  }
  await one.reload(configOf(75));
  const grown = await visitAll(one);
  assert.equal(former.filter(({ version }, at) => version === 'next' && grown[at]?.version !== 'next').length, 0);
  assert.ok(
    grown.filter(({ version }) => version === 'next').length >
      former.filter(({ version }) => version === 'next').length,
  );
});
