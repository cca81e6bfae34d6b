/** The API server of the tests, filled with a large cluster, in a process of its own. */
import { FakeApiServer } from '../../test/support/fake-apiserver/server.ts';
import { type ClusterSize, type RawObject, rawClass, rawIngress, rawSecrets, rawService, rawSlice } from './cluster.ts';

/** What it is started with. */
export interface ApiServerArguments {
  readonly size: ClusterSize;
  readonly podPort: number;
}

/** An object to store. */
export interface ApiWrite {
  readonly id: number;
  readonly plural: string;
  readonly object: RawObject;
}

/** The first message: it listens. */
export interface ApiServerStart {
  readonly kubeconfig: string;
  readonly url: string;
}

/** Only the first one has no id. */
export type ApiServerMessage =
  | ApiServerStart
  /** When the object was stored and the watchers were told, by the clock that all processes share. */
  | { readonly id: number; readonly atMs: number };

const { size, podPort } = JSON.parse(process.argv[2] ?? '') as ApiServerArguments;
const api = await FakeApiServer.start();
api.put('ingressclasses', rawClass());
for (let i = 0; i < size.ingresses; i++) {
  api.put('ingresses', rawIngress(i, size));
  api.put('services', rawService(i));
  api.put('endpointslices', rawSlice(i, size, podPort));
}
for (const secret of await rawSecrets(size)) api.put('secrets', secret);

const tell = (message: ApiServerMessage): void => {
  process.send?.(message);
};

process.on('message', ({ id, plural, object }: ApiWrite) => {
  api.put(plural, object);
  tell({ id, atMs: Number(process.hrtime.bigint()) / 1e6 });
});
process.on('disconnect', () => void api.close().then(() => process.exit()));
tell({ kubeconfig: api.writeKubeconfig(), url: api.url });
