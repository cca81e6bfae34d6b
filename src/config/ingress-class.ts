/** Which Ingresses are ours. Also asked by whoever writes their status: what is not ours is not touched. */
import type { CompileSettings } from '../model/compile-settings.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { ClassedIngress } from '../model/objects.ts';

export type ClassSettings = Pick<
  CompileSettings,
  'ingressClass' | 'controllerName' | 'watchIngressWithoutClass' | 'takeEveryIngress'
>;

type Classes = ObjectSnapshot['ingressClasses'];

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

/** The class name decides where there is one; else the old annotation; else the settings. */
export function isOurs(ingress: ClassedIngress, classes: Classes, settings: ClassSettings): boolean {
  if (settings.takeEveryIngress) return true;
  if (ingress.className !== null) {
    if (classes === null) return ingress.className === settings.ingressClass;
    return classes.get(ingress.className)?.controller === settings.controllerName;
  }
  const annotation = ingress.annotations[CLASS_ANNOTATION];
  return annotation === undefined ? settings.watchIngressWithoutClass : annotation === settings.ingressClass;
}

/** It names the class we go by, and there is none. Other names may be the business of another controller. */
export function isClassMissing(ingress: ClassedIngress, classes: Classes, settings: ClassSettings): boolean {
  if (settings.takeEveryIngress || classes === null || ingress.className !== settings.ingressClass) return false;
  return !classes.has(ingress.className);
}
