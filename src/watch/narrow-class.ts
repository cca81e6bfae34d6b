/** Narrows an untyped `networking.k8s.io/v1` IngressClass. */
import type { IngressClassObject } from '../model/objects.ts';
import { isOpened, isRecord, type NarrowResult, narrowAnnotations, openObject, show } from './narrow-object.ts';

const DEFAULT_CLASS_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

export function narrowIngressClass(raw: unknown): NarrowResult<IngressClassObject> {
  const opened = openObject(raw, { kind: 'IngressClass', apiVersion: 'networking.k8s.io/v1', namespaced: false });
  if (!isOpened(opened)) return opened;
  const { sink } = opened;
  const spec = opened.raw['spec'];
  const controller = isRecord(spec) ? spec['controller'] : undefined;
  if (typeof controller !== 'string' || controller === '') {
    sink.reject(
      'object-invalid',
      'spec.controller',
      `is ${show(controller)}; expected a text such as sluice.dev/ingress-controller`,
    );
    return sink.result<IngressClassObject>(null);
  }
  const isDefault = narrowAnnotations(opened)[DEFAULT_CLASS_ANNOTATION] === 'true';
  return sink.result({ ...opened.meta, controller, isDefault });
}
