/** Where the time goes between a change and its effect: each step by itself, in this thread, as CPU time. */
import { UpstreamRegistry } from '../../src/balancer/upstream-registry.ts';
import { Compiler } from '../../src/config/compiler.ts';
import { diffConfigs } from '../../src/control/config-differ.ts';
import { applyConfig } from '../../src/live/apply-config.ts';
import { applyPatch } from '../../src/live/apply-patch.ts';
import { LiveState } from '../../src/live/live-state.ts';
import type { CompileSettings } from '../../src/model/compile-settings.ts';
import { readPatch, writePatch } from '../../src/model/config-patch.ts';
import { takeAll } from '../../src/model/steps.ts';
import { narrowIngressClass } from '../../src/watch/narrow-class.ts';
import { narrowEndpointSlice } from '../../src/watch/narrow-endpoints.ts';
import { narrowIngress } from '../../src/watch/narrow-ingress.ts';
import { narrowSecret } from '../../src/watch/narrow-secret.ts';
import { narrowService } from '../../src/watch/narrow-service.ts';
import { SnapshotBuilder, type SnapshotKind, type SnapshotObjects } from '../../src/watch/snapshot.ts';
import { type ClusterSize, type RawObject, rawClass, rawIngress, rawSecrets, rawService, rawSlice } from './cluster.ts';

const ROUNDS = 100;
const POD_PORT = 8080;

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

const ANY_REQUEST = { method: 'GET', header: () => null, queryParameter: () => null };

type Narrow = { [K in SnapshotKind]?: (raw: unknown) => { readonly value: SnapshotObjects[K] | null } };

const NARROW: Narrow = {
  Ingress: narrowIngress,
  IngressClass: narrowIngressClass,
  Service: narrowService,
  EndpointSlice: narrowEndpointSlice,
  Secret: narrowSecret,
};

/** CPU milliseconds by name, in the order in which the steps were first taken. */
class Steps {
  readonly #samples = new Map<string, number[]>();

  take<T>(name: string, work: () => T): T {
    const before = process.threadCpuUsage();
    const result = work();
    const { user, system } = process.threadCpuUsage(before);
    const samples = this.#samples.get(name) ?? [];
    samples.push((user + system) / 1_000);
    this.#samples.set(name, samples);
    return result;
  }

  print(title: string): void {
    console.log(title);
    for (const [name, samples] of this.#samples) {
      console.log(
        `  ${name.padEnd(32)}${mean(samples).toFixed(2).padStart(9)}${Math.max(...samples)
          .toFixed(2)
          .padStart(9)}`,
      );
    }
  }
}

/** CPU time is counted in ticks of some milliseconds, so that most of many short steps take none. */
function mean(samples: readonly number[]): number {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

export async function measurePhases(size: ClusterSize): Promise<void> {
  const secrets = await rawSecrets(size);
  const builder = new SnapshotBuilder();
  const put = (kind: SnapshotKind, raw: RawObject): void => {
    const { namespace = '', name } = raw.metadata;
    const key = namespace === '' ? name : `${namespace}/${name}`;
    builder.set(kind, key, NARROW[kind]?.(raw).value ?? null);
  };
  const indices = Array.from({ length: size.ingresses }, (_, i) => i);
  const compiler = new Compiler(SETTINGS);
  const load = new Steps();
  put('IngressClass', rawClass());
  load.take('narrow ingresses', () => indices.forEach((i) => put('Ingress', rawIngress(i, size))));
  load.take('narrow services', () => indices.forEach((i) => put('Service', rawService(i))));
  load.take('narrow slices', () => indices.forEach((i) => put('EndpointSlice', rawSlice(i, size, POD_PORT))));
  load.take('narrow secrets', () => secrets.forEach((raw) => put('Secret', raw)));
  let snapshot = load.take('snapshot', () => builder.build());
  let running = load.take('compile', () => compiler.compile(snapshot)).config;
  const copy = load.take('clone, each worker', () => structuredClone(running));
  const live = new LiveState(
    new UpstreamRegistry(() => ({ idleCount: 0, openCount: 0, close: () => undefined, retire: () => undefined }), 1),
  );
  load.take('apply, each worker', () => applyConfig(live, copy));
  load.print(`${'at the start'.padEnd(34)}     mean      max   (CPU ms)`);

  const route = new Steps();
  for (let round = 0; round < ROUNDS; round++) {
    const raw = rawIngress((round * 37) % size.ingresses, size, `/round-${round}`);
    route.take('narrow', () => put('Ingress', raw));
    snapshot = route.take('snapshot', () => builder.build());
    const { config: next, changes } = route.take('compile', () => compiler.compile(snapshot));
    const patch = route.take('patch', () => diffConfigs(running, next, changes));
    if (patch === null) throw new Error('a change of one ingress cannot be said by a patch');
    const written = route.take('write', () => writePatch(patch));
    route.take('read and apply, each worker', () => takeAll(applyPatch(live, readPatch(written))));
    const host = patch.hosts[0]?.host ?? '';
    route.take('first request, each worker', () => live.current.formerTable?.match(host, '/api', 4, ANY_REQUEST));
    running = next;
  }
  route.print('one ingress changes');

  const endpoints = new Steps();
  for (let round = 0; round < ROUNDS; round++) {
    const raw = rawSlice((round * 37) % size.ingresses, size, POD_PORT, round + 1);
    endpoints.take('narrow', () => put('EndpointSlice', raw));
    const after = endpoints.take('snapshot', () => builder.buildEndpoints());
    const { changes } = endpoints.take('compile endpoints', () => compiler.compileEndpoints(after));
    const copies = endpoints.take('clone, each worker', () => structuredClone(changes));
    endpoints.take('apply, each worker', () => copies.forEach((change) => live.upstreams.applyEndpoints(change)));
  }
  endpoints.print('the endpoints of one service change');
}
