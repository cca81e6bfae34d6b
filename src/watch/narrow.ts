/** Finds the narrowing of an untyped object by its `apiVersion` and `kind`. The rules of each kind are in `narrow-<kind>.ts`. */
import type { ObjectRef } from '../model/object-ref.ts';
import { narrowIngressClass } from './narrow-class.ts';
import { narrowEndpointSlice, narrowEndpoints } from './narrow-endpoints.ts';
import { narrowIngress } from './narrow-ingress.ts';
import { isRecord, type NarrowResult, textOr, toRef } from './narrow-object.ts';
import { narrowSecret } from './narrow-secret.ts';
import { narrowService } from './narrow-service.ts';
import type { SnapshotObjects } from './snapshot.ts';

/** A narrowed object with its kind and its own name: one member for each kind a snapshot is made of. */
export type NarrowedObject = {
  readonly [K in keyof SnapshotObjects]: {
    readonly kind: K;
    /** Present also where the object is too broken to be served, as far as it is readable. */
    readonly ref: ObjectRef;
    readonly result: NarrowResult<SnapshotObjects[K]>;
  };
}[keyof SnapshotObjects];

/**
 * Null: the object is of no kind Sluice reads. The group decides with the kind (Knative, for one, has a Service and an
 * Ingress of its own); a right kind in a wrong version is a Problem that names the right one.
 */
export function narrow(raw: unknown): NarrowedObject | null {
  if (!isRecord(raw)) return null;
  const kind = textOr(raw['kind'], '');
  const ref = toRef(raw, kind, kind !== 'IngressClass');
  switch (`${groupOf(textOr(raw['apiVersion'], '?/'))}/${kind}`) {
    case 'networking.k8s.io/Ingress':
    case 'extensions/Ingress':
      return { kind: 'Ingress', ref, result: narrowIngress(raw) };
    case 'networking.k8s.io/IngressClass':
      return { kind: 'IngressClass', ref, result: narrowIngressClass(raw) };
    case 'discovery.k8s.io/EndpointSlice':
      return { kind: 'EndpointSlice', ref, result: narrowEndpointSlice(raw) };
    case '/Service':
      return { kind: 'Service', ref, result: narrowService(raw) };
    case '/Endpoints':
      return { kind: 'Endpoints', ref, result: narrowEndpoints(raw) };
    case '/Secret':
      return { kind: 'Secret', ref, result: narrowSecret(raw) };
    default:
      return null;
  }
}

/** Empty for the core group, whose `apiVersion` is a bare `v1`. */
function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash === -1 ? '' : apiVersion.slice(0, slash);
}
