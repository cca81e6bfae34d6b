/** Pass: says of every upstream that asks for HTTP/2 that it is spoken to in HTTP/1.1, as nothing speaks HTTP/2 to upstreams yet. */
import { type Draft, warn } from '../draft.ts';

export function reportHttp2Upstreams(draft: Draft): void {
  for (const { id, protocol, source, backend } of draft.upstreams.values()) {
    if (protocol !== 'http2') continue;
    const field = backend === null ? `upstreams.${id}.protocol` : `spec.ports`;
    const message = `http2 to upstream ${id} is not supported yet, so http/1.1 is spoken`;
    warn(draft, 'backend-invalid', source, field, message);
  }
}
