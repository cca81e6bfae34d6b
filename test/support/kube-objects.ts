/** Writes objects to a real API server as its administrator. */
import { Agent, type Dispatcher, request } from 'undici';
import type { AdminCredentials } from './envtest.ts';

/** A raw object; `apiVersion` and `kind` follow from where it is written to. */
export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
  readonly [field: string]: unknown;
}

export type KubeCollection =
  | 'namespaces'
  | 'services'
  | 'endpoints'
  | 'secrets'
  | 'serviceaccounts'
  | 'nodes'
  | 'pods'
  | 'deployments'
  | 'daemonsets'
  | 'networkpolicies'
  | 'ingresses'
  | 'ingressclasses'
  | 'roles'
  | 'rolebindings'
  | 'clusterroles'
  | 'clusterrolebindings'
  | 'leases'
  | 'events'
  | 'validatingwebhookconfigurations';

const COLLECTIONS: Readonly<Record<KubeCollection, { readonly apiVersion: string; readonly kind: string }>> = {
  namespaces: { apiVersion: 'v1', kind: 'Namespace' },
  services: { apiVersion: 'v1', kind: 'Service' },
  endpoints: { apiVersion: 'v1', kind: 'Endpoints' },
  secrets: { apiVersion: 'v1', kind: 'Secret' },
  serviceaccounts: { apiVersion: 'v1', kind: 'ServiceAccount' },
  nodes: { apiVersion: 'v1', kind: 'Node' },
  pods: { apiVersion: 'v1', kind: 'Pod' },
  deployments: { apiVersion: 'apps/v1', kind: 'Deployment' },
  daemonsets: { apiVersion: 'apps/v1', kind: 'DaemonSet' },
  networkpolicies: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
  ingresses: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
  ingressclasses: { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass' },
  roles: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' },
  rolebindings: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' },
  clusterroles: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' },
  clusterrolebindings: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding' },
  leases: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
  events: { apiVersion: 'events.k8s.io/v1', kind: 'Event' },
  validatingwebhookconfigurations: {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
  },
};

export interface CreateAnswer {
  readonly status: number;
  /** Values of the `Warning` fields. */
  readonly warnings: readonly string[];
  readonly text: string;
}

export class KubeObjects {
  readonly #url: string;
  readonly #agent: Agent;
  /** Without the certificate of the administrator. */
  readonly #anonymous: Agent;

  constructor(url: string, admin: AdminCredentials) {
    this.#url = url;
    this.#agent = new Agent({ connect: { ...admin } });
    this.#anonymous = new Agent({ connect: { ca: admin.ca } });
  }

  async create(collection: KubeCollection, object: KubeObject): Promise<void> {
    const { namespace = '' } = object.metadata;
    await this.#send('POST', pathOf(collection, namespace, ''), { ...COLLECTIONS[collection], ...object });
  }

  /** Asks to create it and takes any answer. `dryRun`: it is judged and not kept. */
  async tryCreate(collection: KubeCollection, object: KubeObject, dryRun: boolean): Promise<CreateAnswer> {
    const path = pathOf(collection, object.metadata.namespace ?? '', '');
    const answer = await request(`${this.#url}${path}${dryRun ? '?dryRun=All' : ''}`, {
      method: 'POST',
      dispatcher: this.#agent,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...COLLECTIONS[collection], ...object }),
    });
    const { warning = [] } = answer.headers;
    return {
      status: answer.statusCode,
      warnings: typeof warning === 'string' ? [warning] : warning,
      text: await answer.body.text(),
    };
  }

  /** A merge patch (RFC 7386); `name` perhaps followed by `/status`. */
  async patch(collection: KubeCollection, namespace: string, name: string, patch: unknown): Promise<void> {
    await this.#send('PATCH', pathOf(collection, namespace, name), patch, 'application/merge-patch+json');
  }

  async delete(collection: KubeCollection, namespace: string, name: string): Promise<void> {
    await this.#send('DELETE', pathOf(collection, namespace, name), undefined);
  }

  async get(collection: KubeCollection, namespace: string, name: string): Promise<KubeObject> {
    return JSON.parse(await this.#send('GET', pathOf(collection, namespace, name), undefined)) as KubeObject;
  }

  async list(collection: KubeCollection, namespace: string): Promise<readonly KubeObject[]> {
    const { items } = JSON.parse(await this.#send('GET', pathOf(collection, namespace, ''), undefined)) as {
      items: readonly KubeObject[];
    };
    return items;
  }

  /** A bearer token of a service account, as the kubelet asks for one for a pod. */
  async createToken(namespace: string, serviceAccount: string): Promise<string> {
    const path = pathOf('serviceaccounts', namespace, `${serviceAccount}/token`);
    const order = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const { status } = JSON.parse(await this.#send('POST', path, order)) as { status: { token: string } };
    return status.token;
  }

  /** What the server answers to a GET of whoever holds `token`. */
  async statusFor(token: string, path: string): Promise<number> {
    const headers = { authorization: `Bearer ${token}` };
    const { statusCode, body } = await request(`${this.#url}${path}`, { dispatcher: this.#anonymous, headers });
    await body.dump();
    return statusCode;
  }

  async close(): Promise<void> {
    await this.#anonymous.destroy();
    await this.#agent.destroy();
  }

  async #send(
    method: Dispatcher.HttpMethod,
    path: string,
    body: unknown,
    contentType = 'application/json',
  ): Promise<string> {
    const answer = await request(`${this.#url}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { 'content-type': contentType },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return text;
  }
}

function pathOf(collection: KubeCollection, namespace: string, name: string): string {
  const { apiVersion } = COLLECTIONS[collection];
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = namespace === '' ? '' : `/namespaces/${namespace}`;
  return `${root}${scope}/${collection}${name === '' ? '' : `/${name}`}`;
}
