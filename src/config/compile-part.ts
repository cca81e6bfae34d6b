/**
 * Runs the passes about Ingresses over one draft: over all of them (`compile.ts`), or over a few that decide nothing about the
 * others (`compiler.ts`).
 */
import { formatRef } from '../model/object-ref.ts';
import type { Problem } from '../model/problem.ts';
import type { RouteConfig } from '../model/proxy-config.ts';
import { compareText } from './compare-text.ts';
import type { Draft, DraftRoute } from './draft.ts';
import { settleLane } from './lane-match.ts';
import { addCatchAll, addDefaultLocations } from './passes/add-default-locations.ts';
import { addRules } from './passes/add-rules.ts';
import { chooseSecrets } from './passes/assign-certificates.ts';
import { pairCanaries } from './passes/pair-canaries.ts';
import { resolveBackups } from './passes/resolve-backups.ts';
import { selectIngresses } from './passes/select-ingresses.ts';
import { settleHashing } from './passes/settle-hashing.ts';

export type Pass = (draft: Draft) => void;

/** Each pass relies on what those before it left in the draft. */
export const ROUTE_PASSES: readonly Pass[] = [
  selectIngresses,
  // Before the rules: an Ingress without rules takes the catch-all, however old a rule for `/` is.
  addCatchAll,
  addRules,
  addDefaultLocations,
  pairCanaries,
  // When every claim to an upstream has been heard.
  resolveBackups,
];

export const SETTLING_PASSES: readonly Pass[] = [
  // When everybody who speaks of an upstream has spoken.
  settleHashing,
  chooseSecrets,
];

/** What it finds is left in the draft. */
export function compilePart(draft: Draft): void {
  for (const pass of ROUTE_PASSES) pass(draft);
  for (const pass of SETTLING_PASSES) pass(draft);
}

/** In the order in which configurations have them. */
export function toRoutes(draft: Draft): RouteConfig[] {
  return [...draft.routes].map(([id, route]) => toRouteConfig(id, route)).toSorted(compareRoutes);
}

function toRouteConfig(id: string, route: DraftRoute): RouteConfig {
  const { lane, split: laneSplit } = settleLane(route, route.honoursLane);
  return {
    id,
    host: route.host,
    path: route.path,
    conditions: null,
    listeners: null,
    filters: [],
    split: {
      members: [{ upstream: route.upstream, weight: 1, filters: [], ...(lane === null ? {} : { lane }) }],
      canaries: route.canaries,
      ...(route.buckets === null ? {} : { buckets: route.buckets }),
      ...laneSplit,
    },
    policy: route.policy,
    source: route.source,
    sourceField: route.sourceField,
    location: null,
  };
}

/** The id decides nothing but the order of equals; `exact` sorts before `prefix` and `regex`, as it matches. */
function compareRoutes(a: RouteConfig, b: RouteConfig): number {
  return (
    compareText(a.host, b.host) || compareText(a.path.value, b.path.value) || compareText(a.path.kind, b.path.kind)
  );
}

/** Each fault once: hosts that share a default backend share its faults too. */
export function problemsByKey(problems: readonly Problem[]): ReadonlyMap<string, Problem> {
  return new Map(problems.map((problem) => [problemKey(problem), problem]));
}

function problemKey(problem: Problem): string {
  return [formatRef(problem.source), problem.field, problem.code, problem.severity, problem.message].join('\n');
}
