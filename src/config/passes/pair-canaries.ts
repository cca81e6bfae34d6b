/**
 * Pass: attaches each path of a canary Ingress to the route of the same host, path and path type, whoever owns it. A pair
 * is made per path: one that finds no partner costs the others nothing, and other routes of the same Service are untouched.
 */
import { type CanaryConfig, type CanaryHeaderMatch, formatBucketKey } from '../../model/canary.ts';
import { formatRef } from '../../model/object-ref.ts';
import type { IngressBackend } from '../../model/objects.ts';

import type { CanarySettings } from '../annotations/ingress-settings.ts';
import { applyRelease } from '../apply-release.ts';
import { findScaleFault } from '../canary-scale.ts';
import { type AcceptedIngress, type Draft, type DraftRoute, toRouteId, warn } from '../draft.ts';
import { hasCookie, honourLane, isLaneOf } from '../lane-match.ts';
import { findPatternFault } from '../request-pattern.ts';
import { useBackend } from '../use-backend.ts';
import { toPathMatch } from './add-rules.ts';

/** Every request of a route may have to look at all its canaries. */
const MAX_CANARIES_PER_ROUTE = 32;
const DEFAULT_BACKEND_FIELD = 'spec.defaultBackend';

/** What all canaries of one Ingress have in common. */
type CanaryRule = Omit<CanaryConfig, 'upstream' | 'sourceField'>;

interface CanaryPath {
  readonly ingress: AcceptedIngress;
  readonly rule: CanaryRule;
  readonly backend: IngressBackend;
  /** Where the path (or the default backend) stands, and its backend. */
  readonly field: string;
  readonly backendField: string;
}

export function pairCanaries(draft: Draft): void {
  const anyHostRoutes = [...draft.routes.values()].filter((route) => route.host === '' && route.acceptsCanaries);
  // Those of equal priority stay as they are, oldest first.
  for (const ingress of draft.canaries.toSorted((a, b) => priorityOf(b) - priorityOf(a))) {
    if (ingress.canary === null) continue;
    const rule = toCanaryRule(draft, ingress, ingress.canary);
    if (ingress.canary.seed !== '' && ingress.canary.hashBy === null) reportLoneSeed(draft, ingress);
    if (ingress.lane === null) reportLoneHonours(draft, ingress);
    pairRules(draft, ingress, rule);
    pairDefaultBackend(draft, ingress, rule, anyHostRoutes);
  }
  reportUnusedCookies(draft);
}

function reportLoneSeed(draft: Draft, ingress: AcceptedIngress): void {
  const message = 'canary-seed has no effect without a valid sluice.dev/canary-hash-by';
  warn(draft, 'canary-invalid', ingress.ref, 'metadata.annotations[sluice.dev/canary-seed]', message);
}

function reportLoneHonours(draft: Draft, { honoursLane, ref }: AcceptedIngress): void {
  for (const [name, written] of [
    ['lane-honour', honoursLane.header],
    ['lane-honour-cookie', honoursLane.cookie],
  ] as const) {
    if (!written) continue;
    const message = `${name} has no effect without a valid sluice.dev/lane`;
    warn(draft, 'canary-invalid', ref, `metadata.annotations[sluice.dev/${name}]`, message);
  }
}

function priorityOf({ canary }: AcceptedIngress): number {
  return canary?.priority ?? 0;
}

function pairRules(draft: Draft, ingress: AcceptedIngress, rule: CanaryRule): void {
  ingress.object.rules.forEach(({ place, host, paths }) => {
    paths?.forEach((path) => {
      const field = `spec.rules[${place}].http.paths[${path.place}]`;
      const match = toPathMatch(path);
      const route = match === null ? undefined : draft.routes.get(toRouteId(host.toLowerCase(), match));
      if (route?.acceptsCanaries) {
        attach(draft, route, { ingress, rule, backend: path.backend, field, backendField: `${field}.backend` });
        return;
      }
      const shown = host === '' ? 'any host' : `host "${host}"`;
      const message = `no ordinary ingress has path "${path.path}" (${path.pathType}) of ${shown}, so this canary path has no effect`;
      warn(draft, 'canary-invalid', ingress.ref, field, message);
    });
  });
}

/** A default backend stands beside everything that is served for any host. */
function pairDefaultBackend(
  draft: Draft,
  ingress: AcceptedIngress,
  rule: CanaryRule,
  routes: readonly DraftRoute[],
): void {
  const backend = ingress.object.defaultBackend;
  if (backend === null) return;
  const field = DEFAULT_BACKEND_FIELD;
  for (const route of routes) attach(draft, route, { ingress, rule, backend, field, backendField: field });
  if (routes.length > 0) return;
  const message = 'no ordinary ingress serves requests for any host, so this canary default backend has no effect';
  warn(draft, 'canary-invalid', ingress.ref, field, message);
}

function attach(draft: Draft, route: DraftRoute, path: CanaryPath): void {
  const { ingress, rule, field } = path;
  if (route.canaries.length >= MAX_CANARIES_PER_ROUTE) {
    const message = `the route already has ${MAX_CANARIES_PER_ROUTE} canaries, which is the most; this one has no effect`;
    warn(draft, 'canary-invalid', ingress.ref, field, message);
    return;
  }
  if (route.canaries.some(({ standsIn }) => standsIn)) {
    const message = `${formatRef(route.source)} divides the path between two services (service-match, service-weight), so this canary has no effect`;
    warn(draft, 'canary-invalid', ingress.ref, field, message);
    return;
  }
  const { ref, upstreamSettings } = ingress;
  const { namespace } = ingress.object;
  const user = { ref, namespace, field: path.backendField, transport: route.transport, upstreamSettings };
  const upstream = useBackend(draft, path.backend, user);
  if (upstream === null) return;
  if (upstream === route.upstream) {
    const message = `canary and main backend are the same (${upstream}), so this canary has no effect`;
    warn(draft, 'canary-invalid', ingress.ref, field, message);
    return;
  }
  reportScaleFault(draft, route, ingress, rule);
  noteHonours(draft, route, ingress);
  route.canaries.push({ upstream, ...honourLane(rule, ingress.honoursLane, route), sourceField: field });
  settleBuckets(draft, route, ingress);
}

/** What a canary honours, its route honours, too. */
function noteHonours(draft: Draft, route: DraftRoute, { lane, honoursLane, ref }: AcceptedIngress): void {
  if (lane === null) return;
  const { header, cookie } = honoursLane;
  if ((header || cookie) && isLaneOf(route, lane)) {
    const message = `lane "${lane.name}" is also that of ${formatRef(route.source)}, so requests in it are not taken from there; expected another one`;
    warn(draft, 'canary-invalid', ref, 'metadata.annotations[sluice.dev/lane]', message);
    return;
  }
  route.honoursLane = { header: header || route.honoursLane.header, cookie: cookie || route.honoursLane.cookie };
  if (!cookie || hasCookie(route)) return;
  const message = `lane-honour-cookie has no effect: ${formatRef(route.source)} has no valid sluice.dev/lane-cookie`;
  warn(draft, 'canary-invalid', ref, 'metadata.annotations[sluice.dev/lane-honour-cookie]', message);
}

/** Whose cookie is not set although canaries of the route have lanes. */
function reportUnusedCookies(draft: Draft): void {
  for (const route of draft.routes.values()) {
    const { canaries, honoursLane, source } = route;
    if (!route.acceptsCanaries || !hasCookie(route) || honoursLane.cookie) continue;
    if (canaries.every(({ lane, standsIn }) => lane === undefined || standsIn === true)) continue;
    const message = 'no canary of the route has sluice.dev/lane-honour-cookie, so the cookie is not set';
    warn(draft, 'canary-invalid', source, 'metadata.annotations[sluice.dev/lane-cookie]', message);
  }
}

/** Of a whole Ingress it is said once for each share that earlier canaries take. */
function reportScaleFault(draft: Draft, { canaries }: DraftRoute, { ref }: AcceptedIngress, rule: CanaryRule): void {
  const fault = findScaleFault(canaries, rule);
  if (fault === null) return;
  const field = fault.of === 'plan' ? 'metadata.annotations[sluice.dev/canary-plan]' : toField(draft, 'canary-weight');
  warn(draft, 'canary-invalid', ref, field, fault.message);
}

/**
 * All canaries of a route share one scale, so there is one thing to divide by: were each to have its own, shares would
 * overlap, and nobody's would be what it says.
 */
function settleBuckets(draft: Draft, route: DraftRoute, { canary, ref }: AcceptedIngress): void {
  const by = canary?.hashBy ?? null;
  if (by === null) return;
  const seed = canary?.seed || `${ref.namespace}/${ref.name}`;
  route.buckets ??= { by, seed };
  const first = formatBucketKey(route.buckets.by);
  const isOther = formatBucketKey(by) !== first || (canary?.seed !== '' && seed !== route.buckets.seed);
  if (!isOther) return;
  const message = `an earlier canary of the route says ${first} with seed "${route.buckets.seed}", which counts for all of them`;
  warn(draft, 'canary-invalid', ref, 'metadata.annotations[sluice.dev/canary-hash-by]', message);
}

function toCanaryRule(draft: Draft, ingress: AcceptedIngress, canary: CanarySettings): CanaryRule {
  const { lane } = ingress;
  const { match } = canary;
  const rule: CanaryRule = {
    header: toHeaderMatch(draft, ingress, canary),
    cookie: canary.cookie === '' ? null : canary.cookie,
    weight: canary.weight,
    weightTotal: canary.weightTotal,
    sticky: canary.sticky,
    ...(match === null ? {} : { match }),
    ...(canary.rulesFirst ? { rulesFirst: true } : {}),
    ...(canary.fallback === null ? {} : { fallback: canary.fallback }),
    ...(lane === null ? {} : { lane }),
    source: ingress.ref,
  };
  return canary.release === null ? rule : applyRelease(rule, { id: ingress.object.key, ...canary.release });
}

/** Null: no rule by header. The value wins over the pattern; with neither, the words `always` and `never` decide. */
function toHeaderMatch(draft: Draft, ingress: AcceptedIngress, canary: CanarySettings): CanaryHeaderMatch | null {
  const { headerValue, headerPattern } = canary;
  // `-` and `_` are the same in this dialect, and a request header with `_` never arrives.
  const name = canary.header.toLowerCase().replaceAll('_', '-');
  if (name === '') {
    if (headerValue !== '') reportHeaderMissing(draft, ingress, 'canary-by-header-value');
    if (headerPattern !== '') reportHeaderMissing(draft, ingress, 'canary-by-header-pattern');
    return null;
  }
  if (headerValue !== '') return { name, kind: 'exact', value: headerValue };
  if (headerPattern === '') return { name, kind: 'word', value: '' };
  const fault = findPatternFault(headerPattern);
  if (fault === null) return { name, kind: 'pattern', value: headerPattern };
  const message = `pattern "${headerPattern}" cannot be used (${fault}), so the header decides nothing; cookie and weight still count`;
  warn(draft, 'canary-invalid', ingress.ref, toField(draft, 'canary-by-header-pattern'), message);
  return null;
}

function reportHeaderMissing(draft: Draft, ingress: AcceptedIngress, key: string): void {
  const message = `${key} has no effect without canary-by-header`;
  warn(draft, 'canary-invalid', ingress.ref, toField(draft, key), message);
}

function toField(draft: Draft, key: string): string {
  return `metadata.annotations[${draft.settings.annotationsPrefix}/${key}]`;
}
