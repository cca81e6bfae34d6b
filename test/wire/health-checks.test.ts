/** Active health checks of every kind against real servers: endpoints go out and come back, in every worker. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { CertificateAuthority } from '../support/certificate-authority.ts';
import { GrpcHealthServer } from '../support/grpc-health.ts';
import { type LogLine, SluiceProcess } from '../support/sluice-process.ts';

/** A server whose health a test decides. */
interface Patient {
  readonly port: number;
  fail(): Promise<void>;
  recover(): Promise<void>;
  close(): void;
}

/** No check may run out of time because the machine is busy: that, too, would count as a failure. */
const TIMES = { interval: '2s', unhealthyInterval: '50ms', timeout: '2s', unhealthyAfter: 2, healthyAfter: 2 };

async function listen(server: net.Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as net.AddressInfo).port;
}

async function startHttp(tls: https.ServerOptions | null): Promise<Patient> {
  let status = 200;
  const answer: http.RequestListener = (request, response) => {
    const isProbe = request.url === '/healthz';
    response.writeHead(isProbe ? status : 200).end(isProbe ? '{"status":"UP"}' : 'served');
  };
  const server = tls === null ? http.createServer(answer) : https.createServer(tls, answer);
  const port = await listen(server);
  return {
    port,
    fail: async () => {
      status = 503;
    },
    recover: async () => {
      status = 200;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function startTcp(): Promise<Patient> {
  let server = net.createServer((socket) => socket.destroy());
  const port = await listen(server);
  return {
    port,
    fail: async () => {
      server.close();
      await once(server, 'close');
    },
    recover: async () => {
      server = net.createServer((socket) => socket.destroy());
      await listen(server, port);
    },
    close: () => server.close(),
  };
}

async function startGrpc(): Promise<Patient> {
  const server = await GrpcHealthServer.start();
  return {
    port: server.port,
    fail: async () => {
      server.answer = Buffer.from([8, 2]);
    },
    recover: async () => {
      server.answer = Buffer.from([8, 1]);
    },
    close: () => server.close(),
  };
}

interface Kind {
  readonly name: string;
  readonly start: () => Promise<Patient>;
  readonly check: Readonly<Record<string, unknown>>;
  /** What failing looks like. */
  readonly reason: string;
}

const authority = await CertificateAuthority.make('authority');
const served = await authority.issue('shop.internal');
const kinds: readonly Kind[] = [
  {
    name: 'http',
    start: () => startHttp(null),
    check: { path: '/healthz', statuses: '200', body: { pattern: '"status": ?"UP"' }, headers: { 'X-Probe': 'yes' } },
    reason: 'status 503',
  },
  {
    name: 'https',
    start: () => startHttp({ cert: served.certPem, key: served.keyPem }),
    check: { kind: 'https', path: '/healthz' },
    reason: 'status 503',
  },
  { name: 'tcp', start: startTcp, check: { kind: 'tcp' }, reason: 'connect ECONNREFUSED' },
  { name: 'grpc', start: startGrpc, check: { kind: 'grpc', service: 'shop.v1.Cart' }, reason: 'grpc NOT_SERVING' },
];

interface DumpedEndpoint {
  readonly port: number;
  readonly healthy: boolean;
  readonly lastCheck: { readonly reason: string; readonly latencyMs: number; readonly checkedAt: number } | null;
}

async function dumpedEndpoint(sluice: SluiceProcess, port: number): Promise<DumpedEndpoint> {
  const response = await fetch(`http://127.0.0.1:${sluice.adminPort}/debug/config`);
  const dump = (await response.json()) as { upstreams: { endpoints: DumpedEndpoint[] }[] };
  const found = dump.upstreams.flatMap(({ endpoints }) => endpoints).find((endpoint) => endpoint.port === port);
  assert.ok(found !== undefined);
  return found;
}

async function start(
  t: TestContext,
  { start: startPatient, check }: Kind,
): Promise<{ sluice: SluiceProcess; patient: Patient }> {
  const [patient, other] = [await startPatient(), await startPatient()];
  const endpoints = [patient, other].map(({ port }) => ({ address: `127.0.0.1:${port}` }));
  const config = {
    upstreams: { shop: { endpoints, healthCheck: { ...check, ...TIMES } } },
    routes: [{ upstream: 'shop' }],
  };
  const sluice = await SluiceProcess.start({ config, args: ['--workers', '2'] });
  t.after(async () => {
    await sluice.kill();
    patient.close();
    other.close();
  });
  return { sluice, patient };
}

for (const kind of kinds) {
  test(`an endpoint that fails its ${kind.name} check is taken out of every worker, and comes back`, async (t: TestContext) => {
    const { sluice, patient } = await start(t, kind);
    const timed = async (what: () => Promise<void>, message: string): Promise<readonly [LogLine, number]> => {
      const from = sluice.logs.length;
      const beganMs = performance.now();
      await what();
      return [await sluice.log(message, from), performance.now() - beganMs];
    };
    const [out, outMs] = await timed(() => patient.fail(), 'endpoint unhealthy');
    assert.deepEqual(
      [out['upstream'], out['endpoint'], out['reason']],
      ['shop', `127.0.0.1:${patient.port}`, kind.reason],
    );
    // The verdict is posted to the workers before they are asked for their state.
    const sick = await dumpedEndpoint(sluice, patient.port);
    assert.deepEqual([sick.healthy, sick.lastCheck?.reason], [false, kind.reason]);
    assert.equal(await sluice.metric('sluice_health_transitions_total{to="unhealthy"}'), 1);
    const [, backMs] = await timed(() => patient.recover(), 'endpoint healthy');
    const well = await dumpedEndpoint(sluice, patient.port);
    assert.deepEqual([well.healthy, well.lastCheck?.reason], [true, '']);
    assert.ok((await sluice.metric('sluice_health_checks_total{result="success"}')) >= 2);
    t.diagnostic(`${kind.name}: out after ${outMs.toFixed(0)} ms, back after ${backMs.toFixed(0)} ms`);
  });
}

test('no request reaches an endpoint that is out', async (t: TestContext) => {
  const [kind] = kinds as [Kind];
  const { sluice, patient } = await start(t, kind);
  await patient.fail();
  await sluice.log('endpoint unhealthy');
  await dumpedEndpoint(sluice, patient.port);
  const name = `sluice_endpoint_requests_total{upstream="shop",endpoint="127.0.0.1:${patient.port}"}`;
  for (let request = 0; request < 20; request++) {
    const response = await fetch(`http://127.0.0.1:${sluice.httpPort}/`);
    assert.equal(await response.text(), 'served');
  }
  assert.equal(await sluice.metric(name), 0);
});
