/** Pass: makes upstreams of the Services that annotations name as backups, connected to like the upstream they stand in for. */
import { formatRef } from '../../model/object-ref.ts';
import type { UpstreamConfig } from '../../model/proxy-config.ts';
import { DEFAULT_BACKEND_TRANSPORT } from '../backend-transport.ts';
import { type Draft, warn } from '../draft.ts';
import { addUpstream } from '../use-backend.ts';

export function resolveBackups(draft: Draft): void {
  // A backup may have annotations of its own: the map goes on to those that are added meanwhile.
  for (const [id, upstream] of draft.upstreams) {
    if (upstream.backup === null || upstream.backend === null) continue;
    draft.upstreams.set(id, { ...upstream, backup: resolveBackup(draft, upstream, upstream.backup) });
  }
}

function resolveBackup(draft: Draft, upstream: UpstreamConfig, written: string): string | null {
  const colon = written.lastIndexOf(':');
  const port = written.slice(colon + 1);
  const backend = {
    namespace: upstream.source.namespace,
    service: written.slice(0, colon),
    port: /^\d+$/.test(port) ? Number(port) : port,
  };
  const source = draft.settingAuthors.get(upstream.id)?.backup ?? upstream.source;
  const field = 'metadata.annotations[sluice.dev/backup-service]';
  const id = addUpstream(draft, backend, draft.transports.get(upstream.id) ?? DEFAULT_BACKEND_TRANSPORT);
  if (id === upstream.id) {
    warn(draft, 'backend-invalid', source, field, `backup "${written}" is the upstream ${id} itself; it has no effect`);
    return null;
  }
  const fault = draft.backends.get(id)?.fault;
  if (fault) {
    const message = `${fault.message}; it cannot stand in for ${formatRef(upstream.source)}`;
    warn(draft, fault.code, source, field, message);
  }
  return id;
}
