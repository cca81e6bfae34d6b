/** Requests with the same key meet at one endpoint, whatever the key is made of, and move on when that fails. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { Http2Client } from '../support/http2-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { ok, type Script, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

const PODS = ['a', 'b', 'c', 'd'] as const;

const pods = new Map<string, ScriptedUpstream>();
let sluice: SluiceProcess;

const breaking: Script = ({ connection }) => {
  connection.socket.resetAndDestroy();
  return null;
};

const KEYS: Readonly<Record<string, string>> = {
  header: '$http_x_user',
  cookie: '$cookie_sid',
  argument: '$arg_user',
  uri: '$request_uri',
  mixed: '${arg_user}/$http_x_user',
};

before(async () => {
  for (const name of PODS) pods.set(name, await ScriptedUpstream.start(() => ok(name)));
  const endpoints = PODS.map((name) => ({ address: pods.get(name)?.address }));
  const upstreams: Record<string, object> = {
    byAddress: { endpoints, balancer: 'maglev' },
    table: { endpoints, hashBy: '$http_x_user', balancer: 'maglev' },
    subset: { endpoints, hashBy: '$http_x_user', hashSubsetSize: 2 },
  };
  for (const [name, hashBy] of Object.entries(KEYS)) upstreams[name] = { endpoints, hashBy };
  const routes = Object.keys(upstreams).map((name) => ({ path: { prefix: `/${name}` }, upstream: name }));
  const listeners = [
    { name: 'web', port: 0, trustedProxies: ['127.0.0.1'] },
    { name: 'plain', port: 0 },
  ];
  sluice = await SluiceProcess.start({ config: { listeners, upstreams, routes } });
});

after(async () => {
  await sluice.kill();
  for (const upstream of pods.values()) await upstream.close();
});

beforeEach(() => {
  for (const [name, upstream] of pods) {
    upstream.script = () => ok(name);
    upstream.forget();
  }
});

async function served(client: RawClient, target: string, fields = ''): Promise<string> {
  client.write(`GET ${target} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`);
  return (await client.response()).body.toString();
}

async function connect(t: TestContext): Promise<RawClient> {
  const client = await RawClient.connect(sluice.httpPort);
  t.after(() => client.destroy());
  return client;
}

/** A request that has this key, and says the rest in a different way each time. */
const REQUESTS: readonly (readonly [name: string, toRequest: (key: string, turn: number) => [string, string?]])[] = [
  ['header', (key, turn) => [`/header?turn=${turn}`, `X-User: ${key}\r\n`]],
  ['cookie', (key, turn) => [`/cookie?turn=${turn}`, `Cookie: x=${turn}; sid=${key}\r\n`]],
  ['argument', (key, turn) => [`/argument?turn=${turn}&user=${key}`]],
  ['uri', (key, turn) => [`/uri/${key}`, `X-Turn: ${turn}\r\n`]],
  ['mixed', (key, turn) => [`/mixed?turn=${turn}&user=${key}`, `X-User: ${key}\r\n`]],
  ['table', (key, turn) => [`/table?turn=${turn}`, `X-User: ${key}\r\n`]],
  ['byAddress', (key, turn) => [`/byAddress?turn=${turn}`, `X-Forwarded-For: 192.0.2.${key}\r\n`]],
];

for (const [name, toRequest] of REQUESTS) {
  test(`${name}: a key sticks to its endpoint, and many keys are spread over all`, async (t) => {
    const client = await connect(t);
    const used = new Set<string>();
    for (let key = 1; key <= 60; key++) {
      const first = await served(client, ...toRequest(String(key), 0));
      for (let turn = 1; turn <= 3; turn++) assert.equal(await served(client, ...toRequest(String(key), turn)), first);
      used.add(first);
    }
    assert.deepEqual([...used].toSorted(), [...PODS]);
  });
}

test('a key of a subset is served by two endpoints, and another key may have other two', async (t) => {
  const client = await connect(t);
  const sets = new Set<string>();
  for (let key = 1; key <= 20; key++) {
    const used = new Set<string>();
    for (let turn = 0; turn < 60 && used.size < 2; turn++)
      used.add(await served(client, '/subset', `X-User: ${key}\r\n`));
    for (let turn = 0; turn < 10; turn++) used.add(await served(client, '/subset', `X-User: ${key}\r\n`));
    sets.add([...used].toSorted().join(''));
  }
  assert.equal(sets.size, 2);
  assert.ok([...sets].every((set) => set.length === 2));
});

test('a request that fails goes on to the next endpoint of its key, always the same', async (t) => {
  const client = await connect(t);
  const first = await served(client, '/header', 'X-User: ann\r\n');
  const upstream = pods.get(first) as ScriptedUpstream;
  upstream.script = breaking;
  const second = await served(client, '/header', 'X-User: ann\r\n');
  assert.notEqual(second, first);
  for (let turn = 0; turn < 5; turn++) assert.equal(await served(client, '/header', 'X-User: ann\r\n'), second);
  upstream.script = () => ok(first);
  assert.equal(await served(client, '/header', 'X-User: ann\r\n'), first);
});

test('requests without the key of their upstream meet too', async (t) => {
  const client = await connect(t);
  const first = await served(client, '/header');
  for (let turn = 0; turn < 5; turn++) assert.equal(await served(client, `/header?${turn}`), first);
});

test('HTTP/2: the same key leads to the same endpoint as over HTTP/1.1', async (t) => {
  const client = await connect(t);
  const http2 = await Http2Client.connect(`http://127.0.0.1:${sluice.httpPort}`);
  t.after(() => http2.session.destroy());
  for (const key of ['ann', 'bob', 'eve']) {
    const response = await http2.get('/header', { 'x-user': key });
    assert.equal(response.body, await served(client, '/header', `X-User: ${key}\r\n`));
    const crumbs = await http2.get('/cookie', { cookie: ['x=1', `sid=${key}`] });
    assert.equal(crumbs.body, await served(client, '/cookie', `Cookie: sid=${key}\r\n`));
  }
});
