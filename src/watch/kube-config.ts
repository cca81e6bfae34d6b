/**
 * Finds out which API server to talk to and as whom: the file of `--kubeconfig`, `KUBECONFIG`, the service account of
 * the pod, `~/.kube/config`, in this order. How requests are sent with it is `kube-client.ts`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { asRecord } from './kube-error.ts';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface LoadedKubeConfig {
  readonly kubeConfig: KubeConfig;
  /** `https://host:port`, perhaps with a path, without a final slash. */
  readonly server: string;
  /** Of the context; `default` when it names none. */
  readonly namespace: string;
  /** For logs: where it came from. */
  readonly origin: string;
}

/** Throws with a message for the user when there is no server to talk to. `file` is the value of `--kubeconfig`. */
export function loadKubeConfig(file: string | null, env: NodeJS.ProcessEnv): LoadedKubeConfig {
  const kubeConfig = new KubeConfig();
  const origin = load(kubeConfig, file, env);
  const context = kubeConfig.getContextObject(kubeConfig.getCurrentContext());
  if (context === null) {
    const known = kubeConfig.getContexts().map((each) => each.name);
    throw new Error(
      `${origin} has no context "${kubeConfig.getCurrentContext()}" (current-context); known: ${known.join(', ') || 'none'}`,
    );
  }
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null)
    throw new Error(`${origin} has no cluster "${context.cluster}", which its current context names`);
  if (!URL.canParse(cluster.server)) throw new Error(`${origin} has no usable server url: "${cluster.server}"`);
  // client-node refuses clear text unless told not to verify; there is nothing to verify then.
  if (cluster.server.startsWith('http:')) {
    kubeConfig.clusters = kubeConfig.clusters.map((each) =>
      each === cluster ? { ...each, skipTLSVerify: true } : each,
    );
  }
  const namespace = context.namespace?.trim() || 'default';
  return { kubeConfig, server: cluster.server.replace(/\/+$/, ''), namespace, origin };
}

function load(kubeConfig: KubeConfig, file: string | null, env: NodeJS.ProcessEnv): string {
  if (file !== null) {
    loadFiles(kubeConfig, [file]);
    return `kubeconfig ${file}`;
  }
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter((each) => each !== '');
  if (listed.length > 0) {
    loadFiles(kubeConfig, listed);
    return `KUBECONFIG ${listed.join(delimiter)}`;
  }
  if (env['KUBERNETES_SERVICE_HOST'] && env['KUBERNETES_SERVICE_PORT'] && existsSync(join(SERVICE_ACCOUNT, 'token'))) {
    kubeConfig.loadFromCluster();
    return 'service account';
  }
  const home = join(env['HOME'] ?? homedir(), '.kube', 'config');
  if (existsSync(home)) {
    loadFiles(kubeConfig, [home]);
    return `kubeconfig ${home}`;
  }
  throw new Error(
    'found no api server: --kubeconfig and KUBECONFIG are not set, KUBERNETES_SERVICE_HOST with a token in ' +
      `${SERVICE_ACCOUNT} is absent (not in a pod), and ${home} does not exist`,
  );
}

function loadFiles(kubeConfig: KubeConfig, files: readonly string[]): void {
  for (const [index, file] of files.entries()) {
    const target = index === 0 ? kubeConfig : new KubeConfig();
    try {
      target.loadFromFile(file);
      adoptTokenFiles(target, file);
    } catch (error) {
      throw new Error(`cannot read kubeconfig ${file}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
    if (target !== kubeConfig) kubeConfig.mergeConfig(target, true);
  }
}

/** client-node does not know the standard key `users[].user.tokenFile`; its own name for the same thing is rewritten to. */
function adoptTokenFiles(kubeConfig: KubeConfig, file: string): void {
  const { users } = asRecord(parse(readFileSync(file, 'utf8')));
  if (!Array.isArray(users)) return;
  const tokenFiles = new Map<string, string>();
  for (const each of users) {
    const { name, user } = asRecord(each);
    const { tokenFile } = asRecord(user);
    if (typeof name === 'string' && typeof tokenFile === 'string')
      tokenFiles.set(name, resolve(dirname(file), tokenFile));
  }
  kubeConfig.users = kubeConfig.users.map((user) => {
    const tokenFile = tokenFiles.get(user.name);
    if (tokenFile === undefined) return user;
    // As in client-go the file wins over a literal `token`.
    const { token: _replaced, ...rest } = user;
    return { ...rest, authProvider: { name: 'tokenFile', config: { tokenFile } } };
  });
}
