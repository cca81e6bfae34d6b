/** Settings (from flags, fixed at start) that change what a snapshot compiles to. */
import type { KeyPair } from './objects.ts';
import type { ListenerConfig } from './proxy-config.ts';

export interface CompileSettings {
  /** Name compared with the `kubernetes.io/ingress.class` annotation and, without readable IngressClasses, with `ingressClassName`. */
  readonly ingressClass: string;
  /** `spec.controller` of the IngressClasses that are ours. */
  readonly controllerName: string;
  /** Serve Ingresses that name no class at all. */
  readonly watchIngressWithoutClass: boolean;
  /** `serve --manifests` without `--ingress-class`: take every Ingress, whatever class it names. */
  readonly takeEveryIngress: boolean;
  /** `nginx.ingress.kubernetes.io` unless `--annotations-prefix` says otherwise. */
  readonly annotationsPrefix: string;
  /** `ns/name`; empty = none. */
  readonly defaultBackendService: string;
  /** `ns/name` of a TLS Secret; empty = none. */
  readonly defaultTlsSecret: string;
  /** Ours, as `topology.kubernetes.io/zone` has it: endpoints hinted for it are preferred. Empty = hints do not count. */
  readonly zone: string;
  /** Self-made certificate for names nobody has one for; null = none wanted. */
  readonly fallbackCertificate: KeyPair | null;
  /** What the flags ask for; the static file may replace them. */
  readonly listeners: readonly ListenerConfig[];
}
