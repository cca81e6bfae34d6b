/**
 * Compiles a snapshot to the configuration of the data plane: an ordered list of passes over one draft. Pure: no I/O, clock,
 * randomness or logging, and nothing a user writes makes it throw. The order in which objects arrived never matters.
 */
import type { CompileSettings } from '../model/compile-settings.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { ProxyConfig } from '../model/proxy-config.ts';
import { compareText } from './compare-text.ts';
import { CompileMemory } from './compile-memory.ts';
import { type Pass, problemsByKey, ROUTE_PASSES, SETTLING_PASSES, toRoutes } from './compile-part.ts';
import { createDraft } from './draft.ts';
import { addStaticConfig } from './passes/add-static-config.ts';
import { addCertificates } from './passes/assign-certificates.ts';

const PASSES: readonly Pass[] = [
  ...ROUTE_PASSES,
  addStaticConfig,
  ...SETTLING_PASSES,
  // After the static file: its first certificate is then the default.
  addCertificates,
];

/** @param memory of earlier compiles under the same settings; the result is the same without, and takes longer */
export function compile(
  snapshot: ObjectSnapshot,
  settings: CompileSettings,
  memory: CompileMemory = new CompileMemory(settings),
): ProxyConfig {
  const draft = createDraft(snapshot, settings, memory);
  for (const pass of PASSES) pass(draft);
  const problems = [...problemsByKey(draft.problems)].toSorted(([a], [b]) => compareText(a, b));
  return {
    generation: snapshot.revision,
    listeners: draft.listeners,
    routes: toRoutes(draft),
    upstreams: [...draft.upstreams.values()].toSorted((a, b) => compareText(a.id, b.id)),
    certificates: draft.certificates.toSorted((a, b) => compareText(a.id, b.id)),
    problems: [...snapshot.problems, ...problems.map(([, problem]) => problem)],
  };
}
