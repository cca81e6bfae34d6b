/**
 * Two backends that one Ingress lists for the same host and path, divided by `service-match` and `service-weight`: the first
 * one listed owns the route, the other one becomes its canary, and each stands in for the other.
 */
import type { CanaryConfig } from '../model/canary.ts';
import type { IngressBackend } from '../model/objects.ts';
import type { PairSettings } from './annotations/ingress-settings.ts';
import { type AcceptedIngress, type Draft, type DraftRoute, warn } from './draft.ts';
import { useBackend } from './use-backend.ts';

const WEIGHT_TOTAL = 100;
/** Of a service that `service-weight` does not name beside one that it does. */
const UNNAMED_WEIGHT = 100;
/** Weights of 0 on both sides divide nothing. */
const NO_WEIGHT = -1;

/** The backend listed second. */
export interface SecondBackend {
  readonly backend: IngressBackend;
  /** Where its path stands. */
  readonly field: string;
  /** Gets the names of both services. */
  readonly paired: Set<string>;
}

/** False when nothing divides the two, so that the path is merely listed twice. */
export function pairServices(
  draft: Draft,
  route: DraftRoute,
  ingress: AcceptedIngress,
  second: SecondBackend,
): boolean {
  const { backend, field, paired } = second;
  if (route.service === '' || backend.kind !== 'service' || route.canaries.length > 0) return false;
  const parts = divide(ingress.pair, route.service, backend.service);
  if (parts === null) return false;
  const { ref, transport, upstreamSettings } = ingress;
  const user = { ref, namespace: ref.namespace, field: `${field}.backend`, transport, upstreamSettings };
  const upstream = useBackend(draft, backend, user);
  if (upstream === null || upstream === route.upstream) return false;
  paired.add(route.service).add(backend.service);
  route.canaries.push({
    upstream,
    header: null,
    cookie: null,
    ...parts,
    weightTotal: WEIGHT_TOTAL,
    sticky: true,
    standsIn: true,
    fallback: 'never',
    ...(ingress.lane === null ? {} : { lane: ingress.lane }),
    source: ref,
    sourceField: field,
  });
  return true;
}

/** What decides about the second one. */
function divide(
  { matches, weights }: PairSettings,
  first: string,
  second: string,
): Pick<CanaryConfig, 'match' | 'gate' | 'weight'> | null {
  const rule = matches.find(({ service }) => service === first || service === second);
  const weight = weightOfSecond(weights, first, second);
  if (rule === undefined) return weight === null ? null : { weight: Math.max(0, weight) };
  // Who does not match goes to the service that the rule does not name, whatever the weights are.
  const divides = weight !== null && weight !== NO_WEIGHT;
  if (rule.service === first) return { match: { kind: 'not', term: rule.match }, weight: divides ? weight : 0 };
  return divides ? { gate: rule.match, weight } : { match: rule.match, weight: 0 };
}

/** In percent, rounded down as the dialect does; `NO_WEIGHT` where both have 0, null where neither is named. */
function weightOfSecond(weights: PairSettings['weights'], first: string, second: string): number | null {
  const weightOf = (name: string): number | undefined => weights.find(({ service }) => service === name)?.weight;
  const ofFirst = weightOf(first);
  const ofSecond = weightOf(second);
  if (ofFirst === undefined && ofSecond === undefined) return null;
  const total = (ofFirst ?? UNNAMED_WEIGHT) + (ofSecond ?? UNNAMED_WEIGHT);
  return total === 0 ? NO_WEIGHT : Math.floor((WEIGHT_TOTAL * (ofSecond ?? UNNAMED_WEIGHT)) / total);
}

/** A name that stands in no pair is a mistake, of which nothing else would tell. */
export function reportUnpaired(draft: Draft, { pair, ref }: AcceptedIngress, paired: ReadonlySet<string>): void {
  const lists = { 'service-match': pair.matches, 'service-weight': pair.weights };
  for (const [name, entries] of Object.entries(lists)) {
    const strangers = new Set(entries.map(({ service }) => service).filter((service) => !paired.has(service)));
    if (strangers.size === 0) continue;
    const named = [...strangers].map((service) => `"${service}"`).join(', ');
    const message = `no two backends that this ingress lists for one path include ${named}, so what is said of it has no effect`;
    warn(draft, 'canary-invalid', ref, `metadata.annotations[${draft.settings.annotationsPrefix}/${name}]`, message);
  }
}
