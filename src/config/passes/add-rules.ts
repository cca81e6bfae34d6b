/** Pass: one route per host and path of the ordinary Ingresses. The oldest owns a path; later claims are reported. */
import { formatRef } from '../../model/object-ref.ts';
import type { IngressPath } from '../../model/objects.ts';
import { encodeRulePath, normalisePath } from '../../model/path.ts';
import type { PathMatch } from '../../model/proxy-config.ts';
import { type AcceptedIngress, type Draft, reject, toRouteId } from '../draft.ts';
import { useBackend } from '../use-backend.ts';

export function addRules(draft: Draft): void {
  for (const ingress of draft.ingresses) {
    for (const rule of ingress.object.rules) {
      const host = rule.host.toLowerCase();
      if (!draft.hostOwners.has(host)) draft.hostOwners.set(host, ingress);
      for (const path of rule.paths ?? []) {
        addPath(draft, ingress, host, { path, field: `spec.rules[${rule.place}].http.paths[${path.place}]` });
      }
    }
  }
}

function addPath(
  draft: Draft,
  ingress: AcceptedIngress,
  host: string,
  rule: { readonly path: IngressPath; readonly field: string },
): void {
  const match = toPathMatch(rule.path);
  if (match === null) {
    const message = `path "${rule.path.path}" leads above the root or has a malformed escape; write a plain absolute path`;
    reject(draft, 'path-invalid', ingress.ref, `${rule.field}.path`, message);
    return;
  }
  const id = toRouteId(host, match);
  const owner = draft.routes.get(id);
  if (owner !== undefined) {
    const shown = host === '' ? 'any host' : `host "${host}"`;
    const message = `${match.kind} path "${match.value}" of ${shown} already belongs to ${formatRef(owner.source)} (${owner.sourceField})`;
    reject(draft, 'path-conflict', ingress.ref, rule.field, message);
    return;
  }
  const { ref, transport, upstreamSettings } = ingress;
  const { namespace } = ingress.object;
  const user = { ref, namespace, field: `${rule.field}.backend`, transport, upstreamSettings };
  const upstream = useBackend(draft, rule.path.backend, user);
  if (upstream === null) return;
  draft.routes.set(id, {
    host,
    path: match,
    upstream,
    canaries: [],
    transport,
    acceptsCanaries: true,
    policy: isDirectory(match) ? ingress.slashPolicy : ingress.policy,
    source: ingress.ref,
    sourceField: rule.field,
  });
}

/** Null when the path can match no request. A path type left to the implementation matches whole elements, like `Prefix`. */
export function toPathMatch(path: IngressPath): PathMatch | null {
  const value = path.path === '' ? '/' : normalisePath(encodeRulePath(path.path));
  return value === null ? null : { kind: path.pathType === 'Exact' ? 'exact' : 'prefix', value };
}

function isDirectory(match: PathMatch): boolean {
  return match.kind === 'prefix' && match.value !== '/' && match.value.endsWith('/');
}
