/**
 * How long the admission webhook takes for a review while the cluster has 10,000 Ingresses: `node bench/macro/admission.ts`.
 * `judge` is what the thread of the control plane is busy for, `rt` a round trip over HTTPS on one connection, with the client in this
 * process. Percentiles are of wall time, and tell of the machine where that is busy; `cpu` is the mean CPU time of a judgement.
 */
import { Agent, request as startRequest } from 'node:https';
import { AdmissionServer } from '../../src/admission/admission-server.ts';
import { AdmissionWebhook } from '../../src/admission/admission-webhook.ts';
import { makeFallbackCertificate } from '../../src/cli/fallback-certificate.ts';
import { compile } from '../../src/config/compile.ts';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import type { CompileSettings } from '../../src/model/compile-settings.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type { IngressObject, ServiceObject } from '../../src/model/objects.ts';
import { narrowIngress } from '../../src/watch/narrow-ingress.ts';
import { narrowService } from '../../src/watch/narrow-service.ts';
import { percentile } from './arithmetic.ts';

const INGRESSES = 10_000;
const REVIEWS = 2_000;
const WARM_UP = 300;
const NOW_AT = Date.UTC(2026, 0, 1);

interface Scenario {
  readonly name: string;
  /** Of the Ingress with this number, and of those that are written. */
  readonly host: (i: number) => string;
  readonly path: (i: number) => string;
  readonly annotations: (i: number) => Readonly<Record<string, string>>;
  readonly service: (i: number) => string;
}

const plain = { path: (i: number) => `/${i}`, annotations: () => ({}), service: (i: number) => `app-${i % 1_000}` };

const SCENARIOS: readonly Scenario[] = [
  { ...plain, name: 'a host for each ingress', host: (i) => `host-${i}.example`, path: () => '/' },
  { ...plain, name: '10 ingresses on a host', host: (i) => `host-${i % 1_000}.example` },
  { ...plain, name: 'all ingresses on one host', host: () => 'shop.example' },
  {
    ...plain,
    name: '10 ingresses claim each service',
    host: (i) => `host-${i % 1_000}.example`,
    annotations: (i) => ({ 'sluice.dev/balancer': i % 2 === 0 ? 'random' : 'least-request' }),
  },
];

const SETTINGS: CompileSettings = {
  ingressClass: 'sluice',
  controllerName: 'sluice.dev/ingress-controller',
  watchIngressWithoutClass: false,
  takeEveryIngress: false,
  annotationsPrefix: 'nginx.ingress.kubernetes.io',
  defaultBackendService: '',
  defaultTlsSecret: '',
  fallbackCertificate: null,
  listeners: [],
  zone: '',
};

function rawIngress(scenario: Scenario, i: number, name: string): unknown {
  const backend = { service: { name: scenario.service(i), port: { number: 80 } } };
  const http = { paths: [{ path: scenario.path(i), pathType: 'Prefix', backend }] };
  const host = scenario.host(i);
  return {
    metadata: {
      name,
      namespace: 'shop',
      creationTimestamp: new Date(NOW_AT - ((i * 7_919) % INGRESSES) * 1_000).toISOString(),
      annotations: scenario.annotations(i),
    },
    spec: { ingressClassName: 'sluice', rules: [{ host, http }], tls: [{ hosts: [host], secretName: `tls-${i}` }] },
  };
}

function valueOf<T>({ value }: { readonly value: T | null }): T {
  if (value === null) throw new Error('an object of this bench is not valid');
  return value;
}

function snapshotOf(scenario: Scenario): ObjectSnapshot {
  const ingresses = new Map<string, IngressObject>();
  for (let i = 0; i < INGRESSES; i++) {
    const ingress = valueOf(narrowIngress(rawIngress(scenario, i, `web-${i}`)));
    ingresses.set(ingress.key, ingress);
  }
  const services = new Map<string, ServiceObject>();
  for (let i = 0; i < 1_000; i++) {
    const metadata = { name: `app-${i}`, namespace: 'shop' };
    const service = valueOf(narrowService({ metadata, spec: { ports: [{ port: 80 }] } }));
    services.set(service.key, service);
  }
  return {
    revision: 1,
    ingresses,
    ingressClasses: null,
    services,
    endpointSlices: new Map(),
    tlsSecrets: new Map(),
    staticConfig: null,
    problems: [],
    endpointsOnly: false,
  };
}

/** Every second one changes an Ingress that is there. */
function reviewOf(scenario: Scenario, i: number): string {
  const isUpdate = i % 2 === 1;
  const at = (i * 31) % INGRESSES;
  const name = isUpdate ? `web-${at}` : 'new';
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: String(i),
      kind: { group: 'networking.k8s.io', version: 'v1', kind: 'Ingress' },
      operation: isUpdate ? 'UPDATE' : 'CREATE',
      namespace: 'shop',
      name,
      object: rawIngress({ ...scenario, path: () => `/changed/${i}` }, at, name),
      oldObject: isUpdate ? rawIngress(scenario, at, name) : null,
    },
  });
}

function cpuMilliseconds(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

function send(agent: Agent, port: number, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const options = { host: '127.0.0.1', port, path: '/validate', method: 'POST', agent, headers };
    const request = startRequest({ ...options, rejectUnauthorized: false }, (response) => {
      response.resume().on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error('not answered'))));
    });
    request.on('error', reject);
    request.end(body);
  });
}

function show(values: readonly number[]): string {
  return [50, 90, 99].map((percent) => percentile(values, percent).toFixed(2).padStart(8)).join('');
}

async function run(scenario: Scenario): Promise<void> {
  const snapshot = snapshotOf(scenario);
  const options = { settings: SETTINGS, namespaces: [], narrowIngress, narrowService, nowAt: () => NOW_AT };
  const webhook = new AdmissionWebhook(options);
  const indexMs = cpuMilliseconds(() => webhook.onSnapshot(snapshot));
  const [first] = snapshot.ingresses.values();
  const changed = new Map(snapshot.ingresses);
  if (first !== undefined) changed.set(first.key, { ...first, createdAt: 1 });
  const followMs = cpuMilliseconds(() => webhook.onSnapshot({ ...snapshot, ingresses: changed }));
  const compileMs = cpuMilliseconds(() => compile(snapshot, SETTINGS));
  const bodies = Array.from({ length: REVIEWS }, (_, i) => reviewOf(scenario, i));
  for (const body of bodies.slice(0, WARM_UP)) webhook.review(JSON.parse(body));
  const judge: number[] = [];
  const judgeMs = cpuMilliseconds(() => {
    for (const body of bodies) {
      const startMs = performance.now();
      webhook.review(JSON.parse(body));
      judge.push(performance.now() - startMs);
    }
  });
  const server = new AdmissionServer({ bind: '127.0.0.1', port: 0, reusePort: false, logger: NULL_LOGGER, webhook });
  const port = await server.listen();
  server.useKeyPair(await makeFallbackCertificate());
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const roundTrip: number[] = [];
  for (const body of bodies) {
    const startMs = performance.now();
    await send(agent, port, body);
    roundTrip.push(performance.now() - startMs);
  }
  agent.destroy();
  await server.close();
  const single = [judgeMs / REVIEWS, indexMs, followMs, compileMs].map((each) => each.toFixed(2).padStart(9)).join('');
  console.log(`${scenario.name.padEnd(32)}${show(judge)}${show(roundTrip)}${single}`);
}

const PERCENTILES = '     p50     p90     p99';
console.log(`${INGRESSES} ingresses, ${REVIEWS} reviews a line; milliseconds`);
console.log(`${'judge, then rt'.padEnd(32)}${PERCENTILES}${PERCENTILES}      cpu    index   follow  compile`);
for (const scenario of SCENARIOS) await run(scenario);
