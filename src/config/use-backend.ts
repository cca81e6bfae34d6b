/** Turns what an Ingress names as its backend into an upstream of the draft, and reports why one will stay empty. */
import type { ObjectRef } from '../model/object-ref.ts';
import type { IngressBackend } from '../model/objects.ts';
import type { UpstreamId } from '../model/proxy-config.ts';
import type { UpstreamSettings } from './annotations/ingress-settings.ts';
import type { BackendKey } from './backend.ts';
import { type BackendTransport, toTransport, transportSuffix } from './backend-transport.ts';
import { type Draft, reject, warn } from './draft.ts';
import { claimUpstream, policyOfService } from './upstream-claims.ts';

/** Who asks, for Problems. */
export interface BackendUser {
  readonly ref: ObjectRef;
  readonly namespace: string;
  /** Path of the backend inside the object. */
  readonly field: string;
  readonly transport: BackendTransport;
  readonly upstreamSettings: UpstreamSettings;
}

/** Null when the backend is of a kind Sluice cannot serve. A missing Service gives an empty upstream instead: 503, not 404. */
export function useBackend(draft: Draft, backend: IngressBackend, user: BackendUser): UpstreamId | null {
  if (backend.kind === 'resource') {
    const message = `backend ${backend.resourceKind} "${backend.name}" cannot be served; expected a service`;
    reject(draft, 'backend-invalid', user.ref, `${user.field}.resource`, message);
    return null;
  }
  const key = { namespace: user.namespace, service: backend.service, port: backend.port };
  const id = addUpstream(draft, key, user.transport);
  claimUpstream(draft, id, { ref: user.ref, settings: user.upstreamSettings });
  const fault = draft.backends.get(id)?.fault;
  if (fault) warn(draft, fault.code, user.ref, `${user.field}.service`, `${fault.message}; requests are answered 503`);
  return id;
}

/**
 * The same Service by number and by name makes two upstreams: dashboards tell them apart that way. So does another way to
 * connect to it.
 */
export function addUpstream(draft: Draft, backend: BackendKey, transport: BackendTransport): UpstreamId {
  const resolved = draft.memory.resolveBackend(draft.snapshot, backend);
  const { appProtocol } = resolved;
  const suffix = transportSuffix(transport, appProtocol);
  const id = `${backend.namespace}/${backend.service}/${backend.port}${suffix}`;
  if (draft.upstreams.has(id)) return id;
  draft.backends.set(id, resolved);
  draft.transports.set(id, transport);
  draft.upstreams.set(id, {
    id,
    ...toTransport(transport, appProtocol),
    ...policyOfService(draft, backend),
    endpoints: resolved.endpoints,
    backend,
    source: { kind: 'Service', namespace: backend.namespace, name: backend.service },
  });
  return id;
}
