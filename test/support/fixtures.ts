/**
 * Builders of model objects for tests: `ingress('shop/web').rule('a.example', '/cart', 'cart:80')`. Everything not said has
 * the value that matters least.
 */
import type { CompileSettings } from '../../src/model/compile-settings.ts';
import { toObjectKey } from '../../src/model/object-ref.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import type {
  EndpointSliceObject,
  IngressBackend,
  IngressClassObject,
  IngressObject,
  IngressPath,
  IngressRule,
  IngressTls,
  KeyPair,
  ObjectMeta,
  ServiceObject,
  ServicePort,
  SliceEndpoint,
  SlicePort,
  TlsSecretObject,
} from '../../src/model/objects.ts';

export const NGINX_PREFIX = 'nginx.ingress.kubernetes.io';

/** `ns/name`, or a name in the namespace `default`. */
export function meta(key: string, resourceVersion: string = ''): ObjectMeta {
  const slash = key.indexOf('/');
  const namespace = slash === -1 ? 'default' : key.slice(0, slash);
  const name = key.slice(slash + 1);
  return { key: toObjectKey(namespace, name), namespace, name, uid: '', resourceVersion };
}

/** `cart:80` or `cart:http`. */
export function backend(text: string): IngressBackend {
  const [name = '', port = ''] = text.split(':');
  return { kind: 'service', service: name, port: /^\d+$/.test(port) ? Number(port) : port };
}

export class IngressBuilder {
  #object: IngressObject;

  constructor(key: string) {
    this.#object = {
      ...meta(key),
      createdAt: 0,
      annotations: {},
      className: 'sluice',
      defaultBackend: null,
      rules: [],
      tls: [],
    };
  }

  createdAt(createdAt: number): this {
    return this.#with({ createdAt });
  }

  className(className: string | null): this {
    return this.#with({ className });
  }

  /** Keys without a slash get the nginx prefix. */
  annotate(annotations: Readonly<Record<string, string>>): this {
    const entries = Object.entries(annotations).map(([key, value]) => [
      key.includes('/') ? key : `${NGINX_PREFIX}/${key}`,
      value,
    ]);
    return this.#with({ annotations: { ...this.#object.annotations, ...Object.fromEntries(entries) } });
  }

  /** A rule of its own for each call. */
  rule(host: string, path: string, to: string, pathType: IngressPath['pathType'] = 'Prefix'): this {
    return this.#addRule({
      place: this.#object.rules.length,
      host,
      paths: [{ place: 0, path, pathType, backend: backend(to) }],
    });
  }

  /** A rule without `http`. */
  host(host: string): this {
    return this.#addRule({ place: this.#object.rules.length, host, paths: null });
  }

  resourceRule(host: string, path: string): this {
    const resource: IngressBackend = { kind: 'resource', resourceKind: 'Bucket', name: 'files' };
    const place = this.#object.rules.length;
    return this.#addRule({ place, host, paths: [{ place: 0, path, pathType: 'Prefix', backend: resource }] });
  }

  defaultBackend(to: string): this {
    return this.#with({ defaultBackend: backend(to) });
  }

  tls(secretName: string, ...hosts: readonly string[]): this {
    const entry: IngressTls = { place: this.#object.tls.length, secretName, hosts };
    return this.#with({ tls: [...this.#object.tls, entry] });
  }

  build(): IngressObject {
    return this.#object;
  }

  #addRule(rule: IngressRule): this {
    return this.#with({ rules: [...this.#object.rules, rule] });
  }

  #with(part: Partial<IngressObject>): this {
    this.#object = { ...this.#object, ...part };
    return this;
  }
}

export function ingress(key: string): IngressBuilder {
  return new IngressBuilder(key);
}

/** A canary Ingress for one path. */
export function canary(key: string, host: string, path: string, to: string): IngressBuilder {
  return ingress(key).annotate({ canary: 'true' }).rule(host, path, to);
}

export function servicePort(port: number, part: Partial<ServicePort> = {}): ServicePort {
  return { name: '', port, targetPort: String(port), protocol: 'TCP', appProtocol: '', ...part };
}

/** One unnamed TCP port 80 unless `part` says otherwise. */
export function service(key: string, part: Partial<ServiceObject> = {}): ServiceObject {
  return {
    ...meta(key),
    type: 'ClusterIP',
    clusterIP: '10.96.0.1',
    externalName: '',
    ipFamilies: ['IPv4'],
    ports: [servicePort(80)],
    annotations: {},
    ...part,
  };
}

export function slicePort(port: number, part: Partial<SlicePort> = {}): SlicePort {
  return { name: '', port, protocol: 'TCP', appProtocol: '', ...part };
}

export function sliceEndpoint(address: string, part: Partial<SliceEndpoint> = {}): SliceEndpoint {
  return { address, ready: true, serving: true, terminating: false, hintZones: [], ...part };
}

/** Slice of the Service with the same key, with these ready addresses, port 8080. */
export function slice(
  key: string,
  addresses: readonly (string | SliceEndpoint)[],
  part: Partial<EndpointSliceObject> = {},
): EndpointSliceObject {
  return {
    ...meta(key),
    serviceName: meta(key).name,
    addressType: 'IPv4',
    ports: [slicePort(8080)],
    endpoints: addresses.map((address) => (typeof address === 'string' ? sliceEndpoint(address) : address)),
    ...part,
  };
}

/** Not real key material: nothing that compiles looks inside. */
export function keyPair(...dnsNames: readonly string[]): KeyPair {
  const label = dnsNames.join(' ') || 'nobody';
  return {
    certPem: `certificate of ${label}`,
    keyPem: `key of ${label}`,
    fingerprint: `fingerprint of ${label}`,
    dnsNames,
    notAfter: 4_000_000_000_000,
  };
}

export function tlsSecret(key: string, ...dnsNames: readonly string[]): TlsSecretObject {
  return { ...meta(key), certificate: keyPair(...dnsNames), invalidReason: '', hasKeyPair: true, ...NO_AUTHORITIES };
}

export function brokenSecret(key: string, invalidReason: string): TlsSecretObject {
  return { ...meta(key), certificate: null, invalidReason, hasKeyPair: true, ...NO_AUTHORITIES };
}

const NO_AUTHORITIES = { caPem: null, authoritiesFault: 'has no ca.crt' };

/** A Secret with certificates to trust only. */
export function authoritiesSecret(key: string): TlsSecretObject {
  const absent = { certificate: null, invalidReason: 'has no tls.crt', hasKeyPair: false };
  return { ...meta(key), ...absent, caPem: `authorities of ${key}`, authoritiesFault: '' };
}

export function ingressClass(name: string, controller: string): IngressClassObject {
  return { ...meta(name), key: name, namespace: '', controller, isDefault: false };
}

export interface SnapshotParts {
  readonly ingresses?: readonly (IngressObject | IngressBuilder)[];
  /** Null: not readable. Absent: `sluice`, which is ours. */
  readonly classes?: readonly IngressClassObject[] | null;
  readonly services?: readonly ServiceObject[];
  readonly slices?: readonly EndpointSliceObject[];
  readonly secrets?: readonly TlsSecretObject[];
  readonly rest?: Partial<ObjectSnapshot>;
}

export function snapshot(parts: SnapshotParts): ObjectSnapshot {
  const ingresses = (parts.ingresses ?? []).map((item) => (item instanceof IngressBuilder ? item.build() : item));
  const classes = parts.classes === undefined ? [ingressClass('sluice', SETTINGS.controllerName)] : parts.classes;
  return {
    revision: 1,
    ingresses: byKey(ingresses),
    ingressClasses: classes === null ? null : byKey(classes),
    services: byKey(parts.services ?? []),
    endpointSlices: Map.groupBy(parts.slices ?? [], (item) => toObjectKey(item.namespace, item.serviceName)),
    tlsSecrets: byKey(parts.secrets ?? []),
    staticConfig: null,
    problems: [],
    endpointsOnly: false,
    ...parts.rest,
  };
}

function byKey<T extends ObjectMeta>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [object.key, object]));
}

const SETTINGS: CompileSettings = {
  ingressClass: 'sluice',
  controllerName: 'sluice.dev/ingress-controller',
  watchIngressWithoutClass: false,
  takeEveryIngress: false,
  annotationsPrefix: NGINX_PREFIX,
  defaultBackendService: '',
  defaultTlsSecret: '',
  zone: '',
  fallbackCertificate: null,
  listeners: [],
};

export function settings(part: Partial<CompileSettings> = {}): CompileSettings {
  return { ...SETTINGS, ...part };
}
