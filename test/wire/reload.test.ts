/** Changes while traffic flows: no request fails, no connection closes, and the new state is in force at once. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RawClient } from '../support/raw-client.ts';
import { statusOf } from '../support/raw-message.ts';
import { ok, ScriptedUpstream } from '../support/scripted-upstream.ts';
import { SluiceProcess } from '../support/sluice-process.ts';

let one: ScriptedUpstream;
let two: ScriptedUpstream;
let sluice: SluiceProcess;

interface Endpoint {
  readonly address: string;
  readonly weight?: number;
}

function config(endpoints: readonly Endpoint[], routes: readonly unknown[] = []): unknown {
  return { upstreams: { shop: { endpoints } }, routes: [{ path: { prefix: '/' }, upstream: 'shop' }, ...routes] };
}

before(async () => {
  one = await ScriptedUpstream.start(() => ok('one'));
  two = await ScriptedUpstream.start(() => ok('two'));
  sluice = await SluiceProcess.start({ config: config([{ address: one.address }]), args: ['--workers', '2'] });
});

after(async () => {
  await sluice.kill();
  await one.close();
  await two.close();
});

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

/** Keeps `depth` pipelined requests under way on one connection until told to stop. */
class Load {
  readonly client: RawClient;
  answered = 0;
  readonly faults: string[] = [];
  #stopping = false;
  readonly #done: Promise<void>;

  constructor(client: RawClient, depth: number) {
    this.client = client;
    this.#done = this.#run(depth);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
    assert.deepEqual(this.faults, []);
    assert.equal(this.client.ending, 'open');
    this.client.destroy();
  }

  async #run(depth: number): Promise<void> {
    this.client.write(GET.repeat(depth));
    let underWay = depth;
    try {
      while (underWay > 0) {
        const response = await this.client.response();
        underWay--;
        this.answered++;
        if (statusOf(response) !== 200) this.faults.push(response.startLine);
        if (this.#stopping) continue;
        this.client.write(GET);
        underWay++;
      }
    } catch (error) {
      this.faults.push(String(error));
    }
  }
}

async function startLoads(count: number, depth: number): Promise<readonly Load[]> {
  const loads: Load[] = [];
  for (let i = 0; i < count; i++) loads.push(new Load(await RawClient.connect(sluice.httpPort), depth));
  return loads;
}

test('routes, weights and endpoints change under pipelined load without a failed request or a closed connection', async () => {
  const loads = await startLoads(8, 4);
  const states = [
    config([{ address: one.address }], [{ path: { prefix: '/extra' }, upstream: 'shop' }]),
    config([{ address: one.address, weight: 3 }, { address: two.address }]),
    config([{ address: one.address }, { address: two.address, weight: 5 }]),
    config([{ address: two.address }, { address: one.address }]),
    config([{ address: one.address }]),
  ];
  for (let round = 0; round < 3; round++) for (const state of states) await sluice.reload(state);
  for (const load of loads) await load.stop();
  assert.ok(loads.every(({ answered }) => answered > 20));
  assert.ok(two.requests.length > 0);
});

test('a change of routes leaves upstream connections open, idle ones and busy ones', async () => {
  await sluice.reload(config([{ address: one.address }]));
  one.forget();
  const client = await RawClient.connect(sluice.httpPort);
  client.write(GET);
  await client.response();
  const { connection } = await one.request();
  const accepted = one.connections.length;
  await sluice.reload(config([{ address: one.address }], [{ path: { prefix: '/new' }, upstream: 'shop' }]));
  client.write('GET /new HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal(await client.status(), 200);
  assert.equal((await one.request(2)).connection, connection);
  assert.equal(one.connections.length, accepted);
  client.destroy();
});

test('a request under way ends as it began when its route and its endpoint are removed', async () => {
  await sluice.reload(config([{ address: one.address }]));
  one.forget();
  one.script = () => null;
  const client = await RawClient.connect(sluice.httpPort);
  client.write(GET);
  const { connection } = await one.request();
  await sluice.reload({
    upstreams: { other: { endpoints: [{ address: two.address }] } },
    routes: [{ path: { prefix: '/other' }, upstream: 'other' }],
  });
  connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n');
  connection.write('late');
  assert.equal((await client.response()).body.toString(), 'late');
  await one.untilClosed(connection);
  client.write(GET);
  assert.equal(await client.status(), 404);
  client.write('GET /other HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal((await client.response()).body.toString(), 'two');
  client.destroy();
  one.script = () => ok('one');
});

test('an invalid edit is reported with its place, and what runs goes on', async () => {
  await sluice.reload(config([{ address: one.address }]));
  const client = await RawClient.connect(sluice.httpPort);
  const from = sluice.logs.length;
  sluice.writeFile('sluice.yaml', '{ upstreams: {}, routes: [ { upstream: nowhere } ] }');
  const refused = await sluice.log('configuration refused, the running one stays', from);
  assert.equal(refused.level, 'error');
  const problem = sluice.logs.slice(from).find(({ msg }) => msg === 'configuration problem');
  assert.match(String(problem?.['at']), /sluice\.yaml:1:\d+$/);
  client.write(GET);
  assert.equal((await client.response()).body.toString(), 'one');
  sluice.writeFile('sluice.yaml', ': not yaml [');
  await sluice.log('configuration refused, the running one stays', sluice.logs.length - 1);
  client.write(GET);
  assert.equal((await client.response()).body.toString(), 'one');
  await sluice.reload(config([{ address: two.address }]));
  client.write(GET);
  assert.equal((await client.response()).body.toString(), 'two');
  client.destroy();
});

test('weights decide how requests are divided, exactly', async () => {
  await sluice.reload(config([{ address: one.address, weight: 3 }, { address: two.address }]));
  one.forget();
  two.forget();
  const client = await RawClient.connect(sluice.httpPort);
  for (let i = 0; i < 40; i++) {
    client.write(GET);
    await client.response();
  }
  assert.deepEqual([one.requests.length, two.requests.length], [30, 10]);
  client.destroy();
});
