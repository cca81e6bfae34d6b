/** The collections a Kubernetes source reads: where they are, how they are narrowed, and what is lost without them. */
import type { Query } from './kube-client.ts';
import { narrowIngressClass } from './narrow-class.ts';
import { narrowEndpointSlice, narrowEndpoints } from './narrow-endpoints.ts';
import { narrowIngress } from './narrow-ingress.ts';
import type { NarrowResult } from './narrow-object.ts';
import { narrowSecret } from './narrow-secret.ts';
import { narrowService } from './narrow-service.ts';
import type { SnapshotKind, SnapshotObjects } from './snapshot.ts';

export interface KubernetesResource<K extends SnapshotKind> {
  readonly kind: K;
  readonly plural: string;
  /** For messages about rights; empty = core. */
  readonly group: string;
  readonly apiPath: string;
  /** False: read cluster-wide even when namespaces are given. */
  readonly namespaced: boolean;
  /** Nothing is emitted before it was read once. */
  readonly required: boolean;
  readonly query: Query;
  readonly narrow: (raw: unknown) => NarrowResult<SnapshotObjects[K]>;
}

type ResourceTable = { readonly [K in SnapshotKind]: KubernetesResource<K> };

const NETWORKING = { group: 'networking.k8s.io', apiPath: '/apis/networking.k8s.io/v1' };
const CORE = { group: '', apiPath: '/api/v1' };

export const KUBERNETES_RESOURCES: ResourceTable = {
  Ingress: {
    ...NETWORKING,
    kind: 'Ingress',
    plural: 'ingresses',
    namespaced: true,
    required: true,
    query: {},
    narrow: narrowIngress,
  },
  IngressClass: {
    ...NETWORKING,
    kind: 'IngressClass',
    plural: 'ingressclasses',
    namespaced: false,
    required: false,
    query: {},
    narrow: narrowIngressClass,
  },
  Service: {
    ...CORE,
    kind: 'Service',
    plural: 'services',
    namespaced: true,
    required: true,
    query: {},
    narrow: narrowService,
  },
  EndpointSlice: {
    group: 'discovery.k8s.io',
    apiPath: '/apis/discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    namespaced: true,
    required: true,
    query: {},
    narrow: narrowEndpointSlice,
  },
  Endpoints: {
    ...CORE,
    kind: 'Endpoints',
    plural: 'endpoints',
    namespaced: true,
    required: true,
    query: {},
    narrow: narrowUnversionedEndpoints,
  },
  Secret: {
    ...CORE,
    kind: 'Secret',
    plural: 'secrets',
    namespaced: true,
    required: false,
    // Not only those of type `kubernetes.io/tls`: what backends are trusted by usually comes in opaque ones. Helm's hold
    // whole releases, and there is one token for each service account.
    query: { fieldSelector: 'type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token' },
    narrow: narrowSecret,
  },
};

/**
 * Old clusters keep leader locks in Endpoints annotations and write them every two seconds. Without the version, which
 * decides between contradicting slices but has nothing to decide inside one object, such a write changes nothing.
 */
function narrowUnversionedEndpoints(raw: unknown): ReturnType<typeof narrowEndpoints> {
  const { value, problems } = narrowEndpoints(raw);
  return { value: value?.map((slice) => ({ ...slice, resourceVersion: '' })) ?? null, problems };
}

/** Collection path; `namespace` empty = the whole cluster. */
export function collectionPath(resource: KubernetesResource<SnapshotKind>, namespace: string): string {
  const scope = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${resource.apiPath}${scope}/${resource.plural}`;
}

/** What a Role must grant, as a sentence part. */
export function describeGrant(resource: KubernetesResource<SnapshotKind>, namespace: string): string {
  const group = resource.group === '' ? 'the core api group' : `api group ${resource.group}`;
  const role =
    namespace === '' ? 'a ClusterRole and its ClusterRoleBinding' : `a Role and its RoleBinding in ${namespace}`;
  return `grant get, list and watch on ${resource.plural} (${group}) by ${role}`;
}
