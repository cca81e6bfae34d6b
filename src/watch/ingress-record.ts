/**
 * What writing back needs to know of an Ingress, taken from the untyped object as it is watched. Its status is no part of the
 * configuration, and an Ingress that cannot be served is told so, too: neither is in the typed object.
 */
import type { ObjectKey } from '../model/object-ref.ts';
import type { ClassedIngress } from '../model/objects.ts';
import { RELEASE_STATE_ANNOTATION } from '../model/release-status.ts';
import { asRecord } from './kube-error.ts';
import { fingerprintOf, readLoadBalancer } from './load-balancer-address.ts';
import { textOr } from './narrow-object.ts';

/** Of its annotations only those that decide about classes, and tell of releases. */
export interface IngressRecord extends ClassedIngress {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Of the addresses in its status. */
  readonly published: string;
  /** How far the release is, as it is written; null = nothing is written. */
  readonly releaseState: string | null;
}

/** No state that can be read is longer. */
const MAX_STATE_CHARS = 5_000;
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export function toIngressRecord(raw: unknown): IngressRecord {
  const object = asRecord(raw);
  const metadata = asRecord(object['metadata']);
  const className = asRecord(object['spec'])['ingressClassName'];
  const annotations = asRecord(metadata['annotations']);
  const annotation = annotations[CLASS_ANNOTATION];
  const releaseState = annotations[RELEASE_STATE_ANNOTATION];
  return {
    uid: textOr(metadata['uid'], ''),
    resourceVersion: textOr(metadata['resourceVersion'], ''),
    className: typeof className === 'string' ? className : null,
    annotations: typeof annotation === 'string' ? { [CLASS_ANNOTATION]: annotation } : {},
    published: fingerprintOf(readLoadBalancer(raw)),
    releaseState: typeof releaseState === 'string' ? releaseState.slice(0, MAX_STATE_CHARS) : null,
  };
}

export function ingressPath(key: ObjectKey): string {
  const [namespace = '', name = ''] = key.split('/').map(encodeURIComponent);
  return `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses/${name}`;
}
