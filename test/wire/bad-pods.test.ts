/**
 * What clients notice of back ends that die, hang, fail, are slow or are rolled: nothing, as long as a request can be
 * repeated. Back ends are processes of their own under steady load of GET and POST; two workers share what they find out.
 */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { ChildPod } from '../support/child-pod.ts';
import { eventually } from '../support/e2e-eventually.ts';
import { type LogLine, SluiceProcess } from '../support/sluice-process.ts';
import { SteadyLoad } from '../support/steady-load.ts';

const COUNT = 4;

/** Where the request had been handed over: whoever repeated it might do its work twice. */
const SENT: ReadonlySet<unknown> = new Set(['ok', 'upstream-closed', 'upstream-response-timeout']);

let pods: ChildPod[];
let sluice: SluiceProcess;
let load: SteadyLoad;

/** @param patience seconds a pod may be silent */
function manifest(patience: number): string {
  return `
apiVersion: v1
kind: Service
metadata:
  namespace: shop
  name: web
  annotations:
    sluice.dev/outlier-gateway-failures: "2"
    sluice.dev/outlier-server-errors: "3"
    sluice.dev/outlier-base-ejection-time: 1s
    sluice.dev/outlier-max-ejection-time: 2s
    sluice.dev/slow-start: 2s
spec: { ports: [{ port: 80 }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  namespace: shop
  name: web
  annotations:
    nginx.ingress.kubernetes.io/proxy-read-timeout: "${patience}"
    nginx.ingress.kubernetes.io/proxy-next-upstream: error timeout http_500
spec:
  defaultBackend: { service: { name: web, port: { number: 80 } } }
`;
}

function slice(pod: ChildPod, conditions: Readonly<Record<string, boolean>>): string {
  return `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { namespace: shop, name: ${pod.name}, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: ${pod.port} }]
endpoints: [{ addresses: [127.0.0.1], conditions: ${JSON.stringify(conditions)} }]
`;
}

const READY = { ready: true, serving: true, terminating: false };
const TERMINATING = { ready: false, serving: true, terminating: true };

before(async () => {
  pods = await Promise.all(Array.from({ length: COUNT }, (_, at) => ChildPod.start(`pod-${at}`)));
  const files = Object.fromEntries(pods.map((pod) => [`${pod.name}.yaml`, slice(pod, READY)]));
  sluice = await SluiceProcess.start({
    config: null,
    args: ['--workers', '2', '--access-log', 'json'],
    files: { ...files, 'web.yaml': manifest(1) },
  });
  load = new SteadyLoad(`http://127.0.0.1:${sluice.httpPort}`, 6, 3);
  await answersOf(...pods);
});

after(async () => {
  await load.stop();
  await sluice.kill();
  await Promise.all(pods.map((pod) => pod.end('SIGKILL')));
});

async function answersOf(...some: readonly ChildPod[]): Promise<void> {
  await load.answersOf(...some.map(({ name }) => name));
}

/** The program does not say when it has read its manifests again, so it is asked. */
async function untilRunning(
  holds: (endpoints: Awaited<ReturnType<typeof runningEndpoints>>) => boolean,
): Promise<void> {
  await eventually(runningEndpoints, holds);
}

/** The next line of the log, from the given one on, that is about this. */
async function lineOf(message: string, isWanted: (line: LogLine) => boolean, from: number): Promise<LogLine> {
  for (let at = from; ; ) {
    const line = await sluice.log(message, at);
    if (isWanted(line)) return line;
    at = sluice.logs.indexOf(line, at) + 1;
  }
}

function changeOf(message: string, pod: ChildPod, from: number): Promise<LogLine> {
  return lineOf(message, (line) => line['endpoint'] === pod.id, from);
}

/** No GET, and no POST that could have been repeated. The access log says where a request was when it failed. */
async function assertNothingLost(t: TestContext): Promise<void> {
  const failed = load.failed.splice(0);
  for (const each of failed) {
    const line = await lineOf('access', ({ target }) => target === each.target, 0);
    assert.ok(each.method === 'POST' && SENT.has(line['outcome']), JSON.stringify([each, line]));
  }
  t.diagnostic(`${failed.length} POST failed that had been sent, no GET, of ${load.count} requests so far`);
}

interface Misfortune {
  readonly name: string;
  readonly at: number;
  readonly reasons: readonly string[];
  readonly begin: (pod: ChildPod) => void | Promise<void>;
  readonly end: (pod: ChildPod) => void | Promise<void>;
}

const misfortunes: readonly Misfortune[] = [
  {
    name: 'is killed',
    at: 0,
    // What was under way breaks, what comes next is refused: whichever limit is reached first.
    reasons: ['connect-failures', 'gateway-failures'],
    begin: (pod) => pod.end('SIGKILL'),
    end: (pod) => pod.restart(),
  },
  {
    name: 'hangs',
    at: 1,
    reasons: ['gateway-failures'],
    begin: (pod) => pod.signal('SIGSTOP'),
    end: (pod) => pod.signal('SIGCONT'),
  },
  {
    name: 'answers 500',
    at: 2,
    reasons: ['server-errors'],
    begin: (pod) => pod.behave('failing'),
    end: (pod) => pod.behave('fine'),
  },
];

for (const { name, at, reasons, begin, end } of misfortunes) {
  test(`a pod that ${name} is ejected, and returns when it is well`, async (t) => {
    const pod = pods[at] as ChildPod;
    const others = pods.filter((each) => each !== pod);
    const from = sluice.logs.length;
    const begunMs = performance.now();
    await begin(pod);
    const ejected = await changeOf('endpoint ejected', pod, from);
    t.diagnostic(`ejected after ${Math.round(performance.now() - begunMs)} ms: ${String(ejected['reason'])}`);
    assert.ok(reasons.includes(String(ejected['reason'])), String(ejected['reason']));
    await answersOf(...others);
    const endedMs = performance.now();
    await end(pod);
    await changeOf('endpoint returned', pod, sluice.logs.indexOf(ejected));
    t.diagnostic(`returned ${Math.round(performance.now() - endedMs)} ms after it was well`);
    await answersOf(...pods);
    await assertNothingLost(t);
  });
}

test('a slow pod is neither ejected nor does it fail anybody', async (t) => {
  const from = sluice.logs.length;
  // So long is no machine busy: what would eject the pod is its slowness.
  sluice.writeFile('web.yaml', manifest(30));
  await sluice.log('configuration applied', from);
  await answersOf(...pods);
  const slow = pods[3] as ChildPod;
  slow.behave('slow');
  for (let round = 0; round < 3; round++) await answersOf(...pods);
  slow.behave('fine');
  await answersOf(...pods);
  assert.deepEqual(
    sluice.logs.slice(from).filter(({ msg }) => msg === 'endpoint ejected'),
    [],
  );
  await assertNothingLost(t);
});

interface DumpedEndpoint {
  readonly address: string;
  readonly port: number;
  readonly draining?: true;
  readonly inFlight: number;
}

async function runningEndpoints(): Promise<readonly DumpedEndpoint[]> {
  const response = await fetch(`http://127.0.0.1:${sluice.adminPort}/debug/config`);
  const { upstreams } = (await response.json()) as { upstreams: { id: string; endpoints: DumpedEndpoint[] }[] };
  return upstreams.find(({ id }) => id === 'shop/web/80')?.endpoints ?? [];
}

test('all pods are replaced one after the other, with readiness and a terminating period', async (t) => {
  const begunMs = performance.now();
  for (let at = 0; at < COUNT; at++) {
    const old = pods[at] as ChildPod;
    const next = await ChildPod.start(`next-${at}`);
    pods[at] = next;
    sluice.writeFile(`${next.name}.yaml`, slice(next, READY));
    await untilRunning((endpoints) => endpoints.some(({ port }) => port === next.port));
    sluice.writeFile(`${old.name}.yaml`, slice(old, TERMINATING));
    // A pod that has not read a request yet takes its connection for idle when it is told to end.
    await untilRunning((endpoints) =>
      endpoints.some(({ port, draining, inFlight }) => port === old.port && draining && inFlight === 0),
    );
    await old.end('SIGTERM');
    sluice.writeFile(`${old.name}.yaml`, '');
    await untilRunning((endpoints) => !endpoints.some(({ port }) => port === old.port));
  }
  await answersOf(...pods);
  t.diagnostic(`replaced ${COUNT} pods in ${Math.round(performance.now() - begunMs)} ms`);
  assert.deepEqual(load.failed, []);
});
