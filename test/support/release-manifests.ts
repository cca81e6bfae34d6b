/** Manifests of a service and of a version that a plan is to put in its place, with endpoints on this machine. */

const NAMESPACE = 'shop';

/** One text; the two addresses are `host:port`. */
export function releaseManifests(
  stable: string,
  canary: string,
  annotations: Readonly<Record<string, string>>,
): string {
  const objects = [
    ...backend('web', stable),
    ...backend('next', canary),
    ingress('web', {}),
    ingress('next', { 'nginx.ingress.kubernetes.io/canary': 'true', ...annotations }),
  ];
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}

function ingress(name: string, annotations: Readonly<Record<string, string>>): object {
  const service = { name, port: { number: 80 } };
  const paths = [{ path: '/', pathType: 'Prefix', backend: { service } }];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { namespace: NAMESPACE, name, annotations },
    spec: { rules: [{ http: { paths } }] },
  };
}

function backend(name: string, address: string): readonly object[] {
  const [host = '', port = ''] = address.split(':');
  const ports = [{ name: '', port: Number(port), protocol: 'TCP' }];
  const labels = { 'kubernetes.io/service-name': name };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: NAMESPACE, name },
      spec: { ports: [{ port: 80, targetPort: Number(port) }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace: NAMESPACE, name, labels },
      addressType: 'IPv4',
      ports,
      endpoints: [{ addresses: [host], conditions: { ready: true } }],
    },
  ];
}
