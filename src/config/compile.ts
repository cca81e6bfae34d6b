/**
 * Compiles a snapshot to the configuration of the data plane: an ordered list of passes over one draft. Pure: no I/O, clock,
 * randomness or logging, and nothing a user writes makes it throw. The order in which objects arrived never matters.
 */
import type { CompileSettings } from '../model/compile-settings.ts';
import { formatRef } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { Problem } from '../model/problem.ts';
import type { ProxyConfig, RouteConfig } from '../model/proxy-config.ts';
import { compareText } from './compare-text.ts';
import { CompileMemory } from './compile-memory.ts';
import { createDraft, type Draft, type DraftRoute } from './draft.ts';
import { addCatchAll, addDefaultLocations } from './passes/add-default-locations.ts';
import { addRules } from './passes/add-rules.ts';
import { addStaticConfig } from './passes/add-static-config.ts';
import { assignCertificates } from './passes/assign-certificates.ts';
import { pairCanaries } from './passes/pair-canaries.ts';
import { resolveBackups } from './passes/resolve-backups.ts';
import { selectIngresses } from './passes/select-ingresses.ts';
import { settleHashing } from './passes/settle-hashing.ts';

/** Each pass relies on what those before it left in the draft. */
const PASSES: readonly ((draft: Draft) => void)[] = [
  selectIngresses,
  // Before the rules: an Ingress without rules takes the catch-all, however old a rule for `/` is.
  addCatchAll,
  addRules,
  addDefaultLocations,
  pairCanaries,
  // When every claim to an upstream has been heard.
  resolveBackups,
  addStaticConfig,
  // When everybody who speaks of an upstream has spoken.
  settleHashing,
  // After the static file: its first certificate is then the default.
  assignCertificates,
];

/** @param memory of earlier compiles under the same settings; the result is the same without, and takes longer */
export function compile(
  snapshot: ObjectSnapshot,
  settings: CompileSettings,
  memory: CompileMemory = new CompileMemory(settings),
): ProxyConfig {
  const draft = createDraft(snapshot, settings, memory);
  for (const pass of PASSES) pass(draft);
  return {
    generation: snapshot.revision,
    listeners: draft.listeners,
    routes: memory.shareRoutes(
      [...draft.routes].map(([id, route]) => toRouteConfig(id, route)).toSorted(compareRoutes),
    ),
    upstreams: memory.shareUpstreams([...draft.upstreams.values()].toSorted((a, b) => compareText(a.id, b.id))),
    certificates: memory.shareCertificates(draft.certificates.toSorted((a, b) => compareText(a.id, b.id))),
    problems: [...snapshot.problems, ...sortProblems(draft.problems)],
  };
}

function toRouteConfig(id: string, route: DraftRoute): RouteConfig {
  return {
    id,
    host: route.host,
    path: route.path,
    conditions: null,
    listeners: null,
    filters: [],
    split: {
      members: [{ upstream: route.upstream, weight: 1, filters: [] }],
      canaries: route.canaries,
      ...(route.buckets === null ? {} : { buckets: route.buckets }),
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

/** Sorted, and each fault told once: hosts that share a default backend share its faults too. */
function sortProblems(problems: readonly Problem[]): readonly Problem[] {
  const byKey = new Map(problems.map((problem) => [problemKey(problem), problem]));
  return [...byKey].toSorted(([a], [b]) => compareText(a, b)).map(([, problem]) => problem);
}

function problemKey(problem: Problem): string {
  return [formatRef(problem.source), problem.field, problem.code, problem.severity, problem.message].join('\n');
}
