/** Service accounts with exactly the rights that the reference page asks for. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import type { E2eCluster } from './e2e-cluster.ts';
import { E2E_NAMESPACE } from './e2e-manifests.ts';

const ACCESS_PAGE = new URL('../../docs/reference/cluster-access.md', import.meta.url);

/** What the page tells users to grant. */
function readRules(kind: 'ClusterRole' | 'Role'): readonly object[] {
  const [, block = ''] = /```yaml\n(.*?)```/s.exec(readFileSync(ACCESS_PAGE, 'utf8')) ?? [];
  const objects = parseAllDocuments(block).map(
    (document) => document.toJS() as { kind: string; rules: readonly object[] },
  );
  const found = objects.find((object) => object.kind === kind);
  assert.ok(found !== undefined);
  return found.rules;
}

export interface AccountOptions {
  /** Whether it gets the rights to leases, too. */
  readonly mayElect: boolean;
  /** Where the API server is found; absent = where it is. */
  readonly server?: string;
}

/** Path of a kubeconfig of a new account of this name, with the namespace of the tests. */
export async function createAccount(
  { objects, env }: E2eCluster,
  name: string,
  { mayElect, server }: AccountOptions,
): Promise<string> {
  await objects.create('serviceaccounts', { metadata: { name, namespace: E2E_NAMESPACE } });
  const subjects = [{ kind: 'ServiceAccount', name, namespace: E2E_NAMESPACE }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name };
  await objects.create('clusterroles', { metadata: { name }, rules: readRules('ClusterRole') });
  await objects.create('clusterrolebindings', { metadata: { name }, roleRef, subjects });
  if (mayElect) {
    const metadata = { name, namespace: E2E_NAMESPACE };
    await objects.create('roles', { metadata, rules: readRules('Role') });
    await objects.create('rolebindings', { metadata, roleRef: { ...roleRef, kind: 'Role' }, subjects });
  }
  const token = await objects.createToken(E2E_NAMESPACE, name);
  return env.kubeconfigFor(name, token, server ?? env.url, E2E_NAMESPACE);
}
