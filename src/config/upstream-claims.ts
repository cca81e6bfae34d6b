/**
 * What an upstream does with its endpoints, where several objects speak of it: the annotations of its Service, and those of
 * every Ingress that uses it. An upstream is shared, so each of its settings has one author: the oldest Ingress that says
 * anything about it, else the Service. Later claims that differ are reported and cost their Ingress nothing else.
 */
import { formatRef, type ObjectRef, toObjectKey } from '../model/object-ref.ts';
import type { UpstreamId } from '../model/proxy-config.ts';
import { DEFAULT_UPSTREAM_POLICY, type UpstreamPolicy } from '../model/upstream-policy.ts';
import type { UpstreamSettings } from './annotations/ingress-settings.ts';
import type { BackendKey } from './backend.ts';
import { type Draft, warn } from './draft.ts';

export type UpstreamSetting = keyof UpstreamPolicy;

/** Who decided each setting of one upstream. */
export type SettingAuthors = Partial<Record<UpstreamSetting, ObjectRef>>;

/** Who asks, oldest first. */
export interface UpstreamClaim {
  readonly ref: ObjectRef;
  readonly settings: UpstreamSettings;
}

/** The settings a new upstream begins with: what its Service says, else the defaults. Faults are reported on the Service. */
export function policyOfService(draft: Draft, backend: BackendKey): UpstreamPolicy {
  const service = draft.snapshot.services.get(toObjectKey(backend.namespace, backend.service));
  if (service === undefined) return DEFAULT_UPSTREAM_POLICY;
  const { settings, faults } = draft.memory.readService(service);
  const source = { kind: 'Service', namespace: backend.namespace, name: backend.service };
  for (const { code, severity, key, message } of faults) {
    draft.problems.push({ code, severity, source, field: `metadata.annotations[${key}]`, message, location: null });
  }
  return { ...DEFAULT_UPSTREAM_POLICY, ...settings };
}

export function claimUpstream(draft: Draft, id: UpstreamId, { ref, settings }: UpstreamClaim): void {
  const wanted = Object.keys(settings) as UpstreamSetting[];
  const upstream = draft.upstreams.get(id);
  if (wanted.length === 0 || upstream === undefined) return;
  const authors = draft.settingAuthors.get(id) ?? {};
  const taken: UpstreamSettings = {};
  for (const setting of wanted) {
    const author = authors[setting];
    if (author === undefined) {
      authors[setting] = ref;
      Object.assign(taken, { [setting]: settings[setting] });
    } else if (!isSame(settings[setting], upstream[setting])) {
      const message = `${setting} of upstream ${id} is already decided by ${formatRef(author)}, which is older; what this ingress asks for has no effect there`;
      warn(draft, 'upstream-conflict', ref, 'metadata.annotations', message);
    }
  }
  draft.settingAuthors.set(id, authors);
  draft.upstreams.set(id, { ...upstream, ...taken });
}

/** Plain data whose keys always stand in the same order. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
