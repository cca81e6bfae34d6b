/** Builders of raw Kubernetes objects, as a user would write them. */

interface RawObject {
  readonly metadata: {
    name: string;
    namespace?: string;
    annotations?: Record<string, string>;
    labels?: Record<string, string>;
  };
  readonly [field: string]: unknown;
}

export function rawIngress(name: string, host: string, service: string, namespace = 'shop'): RawObject {
  return {
    metadata: { name, namespace },
    spec: {
      ingressClassName: 'sluice',
      rules: [
        {
          host,
          http: {
            paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: service, port: { number: 80 } } } }],
          },
        },
      ],
    },
  };
}

export function rawIngressClass(name: string): RawObject {
  return { metadata: { name }, spec: { controller: 'sluice.dev/ingress-controller' } };
}

export function rawService(name: string, namespace = 'shop'): RawObject {
  return {
    metadata: { name, namespace },
    spec: { type: 'ClusterIP', ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }] },
  };
}

export function rawEndpoints(name: string, addresses: readonly string[], namespace = 'shop'): RawObject {
  return {
    metadata: { name, namespace },
    subsets: [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] }],
  };
}

export function rawEndpointSlice(service: string, addresses: readonly string[], namespace = 'shop'): RawObject {
  return {
    metadata: { name: `${service}-abcde`, namespace, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
}

/** Holds no usable key pair: enough where only its arrival matters. */
export function rawTlsSecret(name: string, namespace = 'shop'): RawObject {
  return { metadata: { name, namespace }, type: 'kubernetes.io/tls', data: { 'tls.crt': '', 'tls.key': '' } };
}
