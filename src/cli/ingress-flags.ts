/** Flags that say which Kubernetes objects count and how they are read, with and without a cluster. */
import { defineFlag, defineFlagByMode, type Flag, type Mode } from './flag.ts';
import * as parse from './flag-parsers.ts';

const KUBERNETES = 'Kubernetes objects:';
const CONTROLLER = 'Controller:';

export const ingressClassFlag: Flag<string> = defineFlagByMode(
  {
    name: 'ingress-class',
    placeholder: '<name>',
    group: KUBERNETES,
    doc: 'Class of the Ingresses to serve: the kubernetes.io/ingress.class annotation, and the IngressClass name where IngressClasses cannot be read. Outside controller mode, all Ingresses are served when it is absent.',
    parse: parse.parseObjectName,
    fallbackText: (mode: Mode) => (mode === 'controller' ? 'sluice' : ''),
  },
  (mode) => (mode === 'controller' ? 'sluice' : ''),
);

export const controllerNameFlag: Flag<string> = defineFlag(
  {
    name: 'controller-name',
    placeholder: '<name>',
    group: KUBERNETES,
    doc: 'spec.controller of the IngressClasses to serve. Use k8s.io/ingress-nginx to take over an existing class.',
    parse: parse.parseControllerName,
  },
  'sluice.dev/ingress-controller',
);

export const watchIngressWithoutClassFlag: Flag<boolean> = defineFlag(
  {
    name: 'watch-ingress-without-class',
    placeholder: '[true|false]',
    group: KUBERNETES,
    doc: 'Serve Ingresses that name no class at all.',
    parse: parse.parseBoolean,
  },
  false,
);

export const annotationsPrefixFlag: Flag<string> = defineFlag(
  {
    name: 'annotations-prefix',
    placeholder: '<prefix>',
    group: KUBERNETES,
    doc: 'Prefix of the nginx annotations.',
    parse: parse.parseAnnotationsPrefix,
  },
  'nginx.ingress.kubernetes.io',
);

export const defaultBackendServiceFlag: Flag<string> = defineFlag(
  {
    name: 'default-backend-service',
    placeholder: '<ns/name>',
    group: KUBERNETES,
    doc: 'Service that answers what no route takes. Without it: 404.',
    parse: parse.parseObjectKey,
  },
  '',
);

export const defaultSslCertificateFlag: Flag<string> = defineFlag(
  {
    name: 'default-ssl-certificate',
    placeholder: '<ns/name>',
    group: KUBERNETES,
    doc: 'Secret with the certificate for host names that have none. Without it: a self-signed one.',
    parse: parse.parseObjectKey,
  },
  '',
);

export const zoneFlag: Flag<string> = defineFlag(
  {
    name: 'zone',
    placeholder: '<zone>',
    group: KUBERNETES,
    doc: 'The zone this runs in (topology.kubernetes.io/zone). Endpoints that EndpointSlices hint for it are preferred while one of them is healthy. Without it: zones do not count.',
    parse: parse.parseZone,
  },
  '',
);

export const kubeconfigFlag: Flag<string> = defineFlag(
  {
    name: 'kubeconfig',
    placeholder: '<file>',
    group: CONTROLLER,
    doc: 'Credentials for the API server. Without it: the service account of the pod.',
    parse: parse.parseText('a file name'),
  },
  '',
);

export const watchNamespaceFlag: Flag<string> = defineFlag(
  {
    name: 'watch-namespace',
    placeholder: '<ns>',
    group: CONTROLLER,
    doc: 'Only read objects of this namespace. Repeatable. Without it: all namespaces.',
    parse: parse.parseNamespace,
    separator: ',',
  },
  '',
);

export const configmapFlag: Flag<string> = defineFlag(
  {
    name: 'configmap',
    placeholder: '<ns/name>',
    group: CONTROLLER,
    doc: 'ConfigMap with settings for all Ingresses. Not read so far.',
    parse: parse.parseObjectKey,
  },
  '',
);

export const publishServiceFlag: Flag<string> = defineFlag(
  {
    name: 'publish-service',
    placeholder: '<ns/name>',
    group: CONTROLLER,
    doc: 'Service whose addresses go into the status of Ingresses. Without it, and without --publish-status-address: the nodes our pods run on, where the rights are there.',
    parse: parse.parseObjectKey,
  },
  '',
);

export const publishStatusAddressFlag: Flag<string> = defineFlag(
  {
    name: 'publish-status-address',
    placeholder: '<address>',
    group: CONTROLLER,
    doc: 'IP address or host name for the status of Ingresses. Repeatable. Beats --publish-service.',
    parse: parse.parsePublishedAddress,
    separator: ',',
  },
  '',
);

export const electionIdFlag: Flag<string> = defineFlag(
  {
    name: 'election-id',
    placeholder: '<name>',
    group: CONTROLLER,
    doc: 'Name of the Lease that decides which replica writes status and Events. It is in the namespace of the pod, or of the kubeconfig.',
    parse: parse.parseObjectName,
  },
  'sluice-leader',
);

export const snapshotDirFlag: Flag<string> = defineFlag(
  {
    name: 'snapshot-dir',
    placeholder: '<dir>',
    group: CONTROLLER,
    doc: 'Directory of this controller alone, to keep what is served in, certificates and their keys included: a start without the API server then serves that. It is created with mode 0700. Without it: nothing is kept.',
    parse: parse.parseText('a directory'),
  },
  '',
);

export const INGRESS_FLAGS: readonly Flag<unknown>[] = [
  ingressClassFlag,
  controllerNameFlag,
  watchIngressWithoutClassFlag,
  annotationsPrefixFlag,
  defaultBackendServiceFlag,
  defaultSslCertificateFlag,
  zoneFlag,
];

export const CONTROLLER_FLAGS: readonly Flag<unknown>[] = [
  kubeconfigFlag,
  watchNamespaceFlag,
  configmapFlag,
  publishServiceFlag,
  publishStatusAddressFlag,
  electionIdFlag,
  snapshotDirFlag,
];
