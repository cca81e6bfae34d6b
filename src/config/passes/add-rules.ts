/** Pass: one route per host and path of the ordinary Ingresses. The oldest owns a path; later claims are reported. */
import { formatRef } from '../../model/object-ref.ts';
import type { IngressPath } from '../../model/objects.ts';
import { encodeRulePath, normalisePath } from '../../model/path.ts';
import type { PathMatch } from '../../model/proxy-config.ts';
import { type AcceptedIngress, type Draft, reject, toRouteId } from '../draft.ts';
import { HONOURS_NONE } from '../lane-match.ts';
import { pairServices, reportUnpaired } from '../service-pair.ts';
import { useBackend } from '../use-backend.ts';

export function addRules(draft: Draft): void {
  for (const ingress of draft.ingresses) {
    const paired = new Set<string>();
    for (const rule of ingress.object.rules) {
      const host = rule.host.toLowerCase();
      if (!draft.hostOwners.has(host)) draft.hostOwners.set(host, ingress);
      for (const path of rule.paths ?? []) {
        const listed = { path, rule: `spec.rules[${rule.place}]`, paired };
        addPath(draft, ingress, host, listed);
      }
    }
    reportUnpaired(draft, ingress, paired);
  }
}

interface ListedPath {
  readonly path: IngressPath;
  /** Where the rule of the host stands that lists it. */
  readonly rule: string;
  /** The Services of the Ingress that have found their pair. */
  readonly paired: Set<string>;
}

function addPath(draft: Draft, ingress: AcceptedIngress, host: string, { path, rule, paired }: ListedPath): void {
  const field = `${rule}.http.paths[${path.place}]`;
  const match = toPathMatch(path);
  if (match === null) {
    const message = `path "${path.path}" leads above the root or has a malformed escape; write a plain absolute path`;
    reject(draft, 'path-invalid', ingress.ref, `${field}.path`, message);
    return;
  }
  const id = toRouteId(host, match);
  const owner = draft.routes.get(id);
  if (owner?.source === ingress.ref && owner.sourceField.startsWith(`${rule}.`)) {
    if (pairServices(draft, owner, ingress, { backend: path.backend, field, paired })) return;
  }
  if (owner !== undefined) {
    const shown = host === '' ? 'any host' : `host "${host}"`;
    const message = `${match.kind} path "${match.value}" of ${shown} already belongs to ${formatRef(owner.source)} (${owner.sourceField})`;
    reject(draft, 'path-conflict', ingress.ref, field, message);
    return;
  }
  const { ref, transport, upstreamSettings } = ingress;
  const { namespace } = ingress.object;
  const user = { ref, namespace, field: `${field}.backend`, transport, upstreamSettings };
  const upstream = useBackend(draft, path.backend, user);
  if (upstream === null) return;
  draft.routes.set(id, {
    host,
    path: match,
    upstream,
    service: path.backend.kind === 'service' ? path.backend.service : '',
    canaries: [],
    lane: ingress.lane,
    laneAnswer: ingress.laneAnswer,
    honoursLane: HONOURS_NONE,
    buckets: null,
    transport,
    acceptsCanaries: true,
    policy: isDirectory(match) ? ingress.slashPolicy : ingress.policy,
    source: ingress.ref,
    sourceField: field,
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
