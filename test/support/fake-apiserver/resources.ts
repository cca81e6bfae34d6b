/** The API resources the fake serves, and how a request path names one. */

export interface ResourceType {
  readonly plural: string;
  readonly kind: string;
  readonly apiVersion: string;
  /** `/api/v1` or `/apis/<group>/<version>`. */
  readonly apiPath: string;
  readonly namespaced: boolean;
}

function resource(plural: string, kind: string, apiVersion: string, namespaced = true): ResourceType {
  const apiPath = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return { plural, kind, apiVersion, apiPath, namespaced };
}

export const RESOURCE_TYPES: readonly ResourceType[] = [
  resource('services', 'Service', 'v1'),
  resource('endpoints', 'Endpoints', 'v1'),
  resource('secrets', 'Secret', 'v1'),
  resource('ingresses', 'Ingress', 'networking.k8s.io/v1'),
  resource('ingressclasses', 'IngressClass', 'networking.k8s.io/v1', false),
  resource('endpointslices', 'EndpointSlice', 'discovery.k8s.io/v1'),
  resource('leases', 'Lease', 'coordination.k8s.io/v1'),
  resource('events', 'Event', 'events.k8s.io/v1'),
  resource('pods', 'Pod', 'v1'),
  resource('nodes', 'Node', 'v1', false),
];

export interface CollectionPath {
  readonly type: ResourceType;
  /** Empty = the whole cluster. */
  readonly namespace: string;
}

/** Null: the path is no collection. */
export function parseCollectionPath(path: string): CollectionPath | null {
  for (const type of RESOURCE_TYPES) {
    if (path === `${type.apiPath}/${type.plural}`) return { type, namespace: '' };
    const prefix = `${type.apiPath}/namespaces/`;
    if (!type.namespaced || !path.startsWith(prefix)) continue;
    const [namespace, plural, ...rest] = path.slice(prefix.length).split('/');
    if (namespace && plural === type.plural && rest.length === 0) return { type, namespace };
  }
  return null;
}

export interface ObjectPath extends CollectionPath {
  readonly name: string;
  readonly subresource: '' | 'status';
}

/** Null: the path is no single object. */
export function parseObjectPath(path: string): ObjectPath | null {
  const subresource = path.endsWith('/status') ? 'status' : '';
  const object = subresource === '' ? path : path.slice(0, -'/status'.length);
  const slash = object.lastIndexOf('/');
  const collection = parseCollectionPath(object.slice(0, slash));
  if (collection === null || collection.type.namespaced !== (collection.namespace !== '')) return null;
  return { ...collection, name: object.slice(slash + 1), subresource };
}
