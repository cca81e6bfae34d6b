/**
 * Kubernetes objects, narrowed to the fields Sluice reads. Nothing here is optional by accident: `watch/narrow*.ts`
 * fills every field or reports a Problem.
 */
import type { ObjectKey } from './object-ref.ts';

export interface ObjectMeta {
  readonly key: ObjectKey;
  readonly namespace: string;
  readonly name: string;
  /** Empty for objects read from files. */
  readonly uid: string;
  /** Empty for objects read from files. Compare by equality only, or as RFC-less decimal strings (never as numbers). */
  readonly resourceVersion: string;
}

/** What decides whose an Ingress is. */
export interface ClassedIngress {
  readonly annotations: Readonly<Record<string, string>>;
  /** `spec.ingressClassName`; null when absent. */
  readonly className: string | null;
}

/** `networking.k8s.io/v1` Ingress. */
export interface IngressObject extends ObjectMeta, ClassedIngress {
  /** `metadata.creationTimestamp` as milliseconds since 1970; 0 when absent (files). */
  readonly createdAt: number;
  readonly defaultBackend: IngressBackend | null;
  readonly rules: readonly IngressRule[];
  readonly tls: readonly IngressTls[];
}

export interface IngressRule {
  /** Index in `spec.rules` as written: entries before it may have been refused. */
  readonly place: number;
  /** As written; empty = any host. */
  readonly host: string;
  /** Null when `http` is absent. */
  readonly paths: readonly IngressPath[] | null;
}

export interface IngressPath {
  /** Index in `http.paths` as written. */
  readonly place: number;
  readonly path: string;
  readonly pathType: 'Exact' | 'Prefix' | 'ImplementationSpecific';
  readonly backend: IngressBackend;
}

export type IngressBackend =
  | { readonly kind: 'service'; readonly service: string /** Number or name. */; readonly port: number | string }
  | { readonly kind: 'resource'; readonly resourceKind: string; readonly name: string };

export interface IngressTls {
  /** Index in `spec.tls` as written. */
  readonly place: number;
  readonly hosts: readonly string[];
  /** Empty when absent. */
  readonly secretName: string;
}

/** `networking.k8s.io/v1` IngressClass (cluster-scoped). */
export interface IngressClassObject extends ObjectMeta {
  readonly controller: string;
  readonly isDefault: boolean;
}

/** `v1` Service. */
export interface ServiceObject extends ObjectMeta {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** Empty when there is none; `None` for headless Services. */
  readonly clusterIP: string;
  /** Empty unless `type` is `ExternalName`. */
  readonly externalName: string;
  readonly ipFamilies: readonly ('IPv4' | 'IPv6')[];
  readonly ports: readonly ServicePort[];
  readonly annotations: Readonly<Record<string, string>>;
}

export interface ServicePort {
  /** Empty when unnamed. */
  readonly name: string;
  readonly port: number;
  /** A number as text, a port name, or the port itself when absent. */
  readonly targetPort: string;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** Empty when absent. */
  readonly appProtocol: string;
}

/**
 * `discovery.k8s.io/v1` EndpointSlice. An `Endpoints` object becomes one of these per subset (key `ns/name#0`, `#1`, …),
 * so nothing behind `watch/` knows which of the two a cluster has.
 */
export interface EndpointSliceObject extends ObjectMeta {
  /** The Service this slice belongs to (same namespace). */
  readonly serviceName: string;
  readonly addressType: 'IPv4' | 'IPv6';
  readonly ports: readonly SlicePort[];
  readonly endpoints: readonly SliceEndpoint[];
}

export interface SlicePort {
  /** Empty when unnamed. */
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly appProtocol: string;
}

export interface SliceEndpoint {
  /** Canonical IP literal without brackets. */
  readonly address: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly hintZones: readonly string[];
}

/** A Secret that holds a certificate with its key, certificates to trust, or both. Key material is never printed: dumps work from an allow-list of fields. */
export interface TlsSecretObject extends ObjectMeta {
  /** Null when the Secret does not hold a usable key pair; `invalidReason` then says why. */
  readonly certificate: KeyPair | null;
  readonly invalidReason: string;
  /** Whether there is an entry for a certificate or its key, usable or not. */
  readonly hasKeyPair: boolean;
  /** PEM of `ca.crt`; null when there is none that is usable, and `authoritiesFault` then says why. */
  readonly caPem: string | null;
  readonly authoritiesFault: string;
}

/** A checked certificate chain with its private key. */
export interface KeyPair {
  /** PEM, leaf first. */
  readonly certPem: string;
  /** PEM. */
  readonly keyPem: string;
  /** SHA-256 of the leaf, upper-case hex with colons. */
  readonly fingerprint: string;
  /** DNS names of the leaf, lower case: SANs, or the CN when there are no SANs. */
  readonly dnsNames: readonly string[];
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}
