/** Which Ingresses the routes of a configuration come from. */
import { type ObjectKey, type ObjectRef, toObjectKey } from '../model/object-ref.ts';
import type { RouteConfig } from '../model/proxy-config.ts';

/** A canary is served where the route it accompanies is. */
export function servedIngresses(routes: readonly RouteConfig[]): ReadonlySet<ObjectKey> {
  const served = new Set<ObjectKey>();
  const add = ({ kind, namespace, name }: ObjectRef): void => {
    if (kind === 'Ingress') served.add(toObjectKey(namespace, name));
  };
  for (const { source, split } of routes) {
    add(source);
    for (const canary of split.canaries) add(canary.source);
  }
  return served;
}
