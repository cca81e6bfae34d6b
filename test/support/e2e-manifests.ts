/** Ingresses of the end-to-end tests, in as few words as a test needs. */
import type { KubeObject } from './kube-objects.ts';

export interface IngressOptions {
  /** Absent: any host. */
  readonly host?: string;
  /** Prefix paths, each to `service` (its port 80) or `service:port name`. */
  readonly paths: Readonly<Record<string, string>>;
  readonly className?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly tlsSecret?: string;
  /** Written as in `paths`. */
  readonly defaultBackend?: string;
}

export const E2E_NAMESPACE = 'shop';

export function ingressManifest(name: string, options: IngressOptions): KubeObject {
  const { annotations = {} } = options;
  return { metadata: { name, namespace: E2E_NAMESPACE, annotations }, spec: ingressSpec(options) };
}

export function ingressSpec({ host, paths, className = 'sluice', tlsSecret, defaultBackend }: IngressOptions): object {
  const http = {
    paths: Object.entries(paths).map(([path, target]) => ({ path, pathType: 'Prefix', backend: toBackend(target) })),
  };
  return {
    ingressClassName: className,
    ...(http.paths.length === 0 ? {} : { rules: [host === undefined ? { http } : { host, http }] }),
    ...(tlsSecret === undefined || host === undefined ? {} : { tls: [{ hosts: [host], secretName: tlsSecret }] }),
    ...(defaultBackend === undefined ? {} : { defaultBackend: toBackend(defaultBackend) }),
  };
}

/** Annotations of a canary, by their names without the prefix. */
export function canaryAnnotations(rules: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries({ canary: 'true', ...rules });
  return Object.fromEntries(entries.map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]));
}

function toBackend(target: string): object {
  const [name, portName] = target.split(':');
  return { service: { name, port: portName === undefined ? { number: 80 } : { name: portName } } };
}
