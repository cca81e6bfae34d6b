/**
 * What writing back needs to know of an Ingress, taken from the untyped object as it is watched. Its status is no part of the
 * configuration, and an Ingress that cannot be served is told so, too: neither is in the typed object.
 */
import type { ClassedIngress } from '../model/objects.ts';
import { asRecord } from './kube-error.ts';
import { fingerprintOf, readLoadBalancer } from './load-balancer-address.ts';
import { textOr } from './narrow-object.ts';

/** Of its annotations only the one that decides about classes. */
export interface IngressRecord extends ClassedIngress {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Of the addresses in its status. */
  readonly published: string;
}

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export function toIngressRecord(raw: unknown): IngressRecord {
  const object = asRecord(raw);
  const metadata = asRecord(object['metadata']);
  const className = asRecord(object['spec'])['ingressClassName'];
  const annotation = asRecord(metadata['annotations'])[CLASS_ANNOTATION];
  return {
    uid: textOr(metadata['uid'], ''),
    resourceVersion: textOr(metadata['resourceVersion'], ''),
    className: typeof className === 'string' ? className : null,
    annotations: typeof annotation === 'string' ? { [CLASS_ANNOTATION]: annotation } : {},
    published: fingerprintOf(readLoadBalancer(raw)),
  };
}
