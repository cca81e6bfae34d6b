/**
 * The shape of the objects in a snapshot file, checked again when they are read: what another release wrote must become
 * exactly what this release's compiler expects. Lines and checksums are the business of `snapshot-file.ts`.
 *
 * The types tie each schema to its model. When a model gains a field, give it a `default` here, so that files of older
 * releases can still be read; when the meaning of a field changes, raise `SNAPSHOT_VERSION`.
 */
import { z } from 'zod';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type {
  EndpointSliceObject,
  IngressBackend,
  IngressClassObject,
  IngressObject,
  KeyPair,
  ServiceObject,
  TlsSecretObject,
} from '../model/objects.ts';
import { findSecretReferences } from './secret-references.ts';
import type { SnapshotBuilder } from './snapshot.ts';

/** Written into every file. */
export const SNAPSHOT_VERSION = 1;
/** The oldest version whose objects this release can still compile. */
export const OLDEST_READABLE_VERSION = 1;

/** One object and what it is. `Endpoints` are kept as the slices they became. */
type StoredObject =
  | { readonly kind: 'Ingress'; readonly object: IngressObject }
  | { readonly kind: 'IngressClass'; readonly object: IngressClassObject }
  | { readonly kind: 'Service'; readonly object: ServiceObject }
  | { readonly kind: 'EndpointSlice'; readonly object: EndpointSliceObject }
  | { readonly kind: 'Secret'; readonly object: TlsSecretObject };

const meta = {
  key: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
};
const texts = z.array(z.string());
const textMap = z.record(z.string(), z.string());
const protocol = z.enum(['TCP', 'UDP', 'SCTP']);

const backend: z.ZodType<IngressBackend> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('service'), service: z.string(), port: z.union([z.number(), z.string()]) }),
  z.object({ kind: z.literal('resource'), resourceKind: z.string(), name: z.string() }),
]);

const ingress: z.ZodType<IngressObject> = z.object({
  ...meta,
  createdAt: z.number(),
  annotations: textMap,
  className: z.string().nullable(),
  defaultBackend: backend.nullable(),
  rules: z.array(
    z.object({
      place: z.number(),
      host: z.string(),
      paths: z
        .array(
          z.object({
            place: z.number(),
            path: z.string(),
            pathType: z.enum(['Exact', 'Prefix', 'ImplementationSpecific']),
            backend,
          }),
        )
        .nullable(),
    }),
  ),
  tls: z.array(z.object({ place: z.number(), hosts: texts, secretName: z.string() })),
});

const ingressClass: z.ZodType<IngressClassObject> = z.object({
  ...meta,
  controller: z.string(),
  isDefault: z.boolean(),
});

const service: z.ZodType<ServiceObject> = z.object({
  ...meta,
  type: z.enum(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']),
  clusterIP: z.string(),
  externalName: z.string(),
  ipFamilies: z.array(z.enum(['IPv4', 'IPv6'])),
  ports: z.array(
    z.object({ name: z.string(), port: z.number(), targetPort: z.string(), protocol, appProtocol: z.string() }),
  ),
  annotations: textMap,
});

const endpointSlice: z.ZodType<EndpointSliceObject> = z.object({
  ...meta,
  serviceName: z.string(),
  addressType: z.enum(['IPv4', 'IPv6']),
  ports: z.array(z.object({ name: z.string(), port: z.number(), protocol, appProtocol: z.string() })),
  endpoints: z.array(
    z.object({
      address: z.string(),
      ready: z.boolean(),
      serving: z.boolean(),
      terminating: z.boolean(),
      hintZones: texts,
    }),
  ),
});

const keyPair: z.ZodType<KeyPair> = z.object({
  certPem: z.string(),
  keyPem: z.string(),
  fingerprint: z.string(),
  dnsNames: texts,
  notAfter: z.number(),
});

const secret: z.ZodType<TlsSecretObject> = z.object({
  ...meta,
  certificate: keyPair.nullable(),
  invalidReason: z.string(),
  hasKeyPair: z.boolean(),
  caPem: z.string().nullable(),
  authoritiesFault: z.string(),
});

const stored: z.ZodType<StoredObject> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('Ingress'), object: ingress }),
  z.object({ kind: z.literal('IngressClass'), object: ingressClass }),
  z.object({ kind: z.literal('Service'), object: service }),
  z.object({ kind: z.literal('EndpointSlice'), object: endpointSlice }),
  z.object({ kind: z.literal('Secret'), object: secret }),
]);

/**
 * What is worth keeping of a snapshot of a cluster. Keys nobody refers to do not go to a disk, apart from `defaultTlsSecret`
 * (`ns/name`). Problems are not kept: whoever reads the cluster anew finds them anew.
 */
export function* listStoredObjects(snapshot: ObjectSnapshot, defaultTlsSecret: string): Generator<StoredObject> {
  for (const object of snapshot.ingresses.values()) yield { kind: 'Ingress', object };
  for (const object of snapshot.ingressClasses?.values() ?? []) yield { kind: 'IngressClass', object };
  for (const object of snapshot.services.values()) yield { kind: 'Service', object };
  for (const slices of snapshot.endpointSlices.values()) {
    for (const object of slices) yield { kind: 'EndpointSlice', object };
  }
  const referenced = findSecretReferences(snapshot);
  for (const object of snapshot.tlsSecrets.values()) {
    if (referenced.has(object.key) || object.key === defaultTlsSecret) yield { kind: 'Secret', object };
  }
}

/** Puts one object of a file into `builder`; returns what is wrong with it, without any of its values, or an empty text. */
export function restoreObject(record: unknown, builder: SnapshotBuilder): string {
  const parsed = stored.safeParse(record);
  if (!parsed.success) return `${parsed.error.issues[0]?.path.join('.') ?? ''} is not what it should be`;
  const { kind, object } = parsed.data;
  builder.set(kind, object.key, object);
  return '';
}
