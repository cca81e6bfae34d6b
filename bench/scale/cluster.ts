/** The objects of a large cluster, as an API server tells of them: the same ones each time. */
import { generate } from 'selfsigned';

export interface ClusterSize {
  readonly ingresses: number;
  /** Of each Service; there are as many Services as Ingresses. */
  readonly endpoints: number;
  /** The first so many Ingresses have a TLS Secret each. */
  readonly secrets: number;
}

export interface RawObject {
  readonly metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  readonly [field: string]: unknown;
}

interface Pems {
  readonly cert: string;
  readonly private: string;
}

const NAMESPACES = 100;
/** Different ones, as each Secret has its own; making them takes longer than anything else here. */
const KEY_PAIRS = 50;

export function hostOf(i: number): string {
  return `host-${i}.scale.example`;
}

function namespaceOf(i: number): string {
  return `team-${i % NAMESPACES}`;
}

export function rawClass(): RawObject {
  return { metadata: { name: 'sluice' }, spec: { controller: 'sluice.dev/ingress-controller' } };
}

/** Two paths to its Service; every fourth one has annotations that change its routes. */
export function rawIngress(i: number, size: ClusterSize, path: string = '/base'): RawObject {
  const backend = { service: { name: `app-${i}`, port: { number: 80 } } };
  const annotations: Record<string, string> =
    i % 4 === 0
      ? {
          'nginx.ingress.kubernetes.io/proxy-read-timeout': '30',
          'nginx.ingress.kubernetes.io/proxy-body-size': '8m',
          'nginx.ingress.kubernetes.io/proxy-next-upstream-tries': '2',
        }
      : {};
  return {
    metadata: { name: `web-${i}`, namespace: namespaceOf(i), annotations },
    spec: {
      ingressClassName: 'sluice',
      rules: [
        {
          host: hostOf(i),
          http: {
            paths: [
              { path, pathType: 'Prefix', backend },
              { path: '/api', pathType: 'Exact', backend },
            ],
          },
        },
      ],
      tls: i < size.secrets ? [{ hosts: [hostOf(i)], secretName: `tls-${i}` }] : [],
    },
  };
}

export function rawService(i: number): RawObject {
  return {
    metadata: { name: `app-${i}`, namespace: namespaceOf(i) },
    spec: { type: 'ClusterIP', ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }] },
  };
}

/** Pods of the loopback network; each `round` has others. */
export function rawSlice(i: number, size: ClusterSize, port: number, round: number = 0): RawObject {
  const endpoints = Array.from({ length: size.endpoints }, (_, n) => ({
    addresses: [podAddress(round, n)],
    conditions: { ready: true, serving: true, terminating: false },
    nodeName: `node-${n}`,
    zone: 'zone-a',
  }));
  return {
    metadata: {
      name: `app-${i}-x7k2p`,
      namespace: namespaceOf(i),
      labels: { 'kubernetes.io/service-name': `app-${i}` },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints,
  };
}

export function podAddress(round: number, n: number): string {
  return `127.${round % 250}.1.${n + 1}`;
}

export async function rawSecrets(size: ClusterSize): Promise<readonly RawObject[]> {
  const pairs: Pems[] = [];
  for (let n = 0; n < Math.min(KEY_PAIRS, size.secrets); n++) {
    const names = [{ type: 2 as const, value: '*.scale.example' }];
    const extensions = [{ name: 'subjectAltName' as const, altNames: names }];
    pairs.push(await generate([{ name: 'commonName', value: `pair ${n}` }], { keyType: 'ec', extensions }));
  }
  return Array.from({ length: size.secrets }, (_, i) => {
    const { cert = '', private: key = '' } = pairs[i % pairs.length] ?? {};
    const data = { 'tls.crt': base64(cert), 'tls.key': base64(key) };
    return { metadata: { name: `tls-${i}`, namespace: namespaceOf(i) }, type: 'kubernetes.io/tls', data };
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
