/** Brings the `mirror-*` annotations of one Ingress together; without a target the others ask for nothing. */
import type { MirrorConfig } from '../model/mirror.ts';
import type { MirrorSettings } from './annotations/ingress-settings.ts';

export function combineMirror(settings: MirrorSettings): MirrorConfig | null {
  const { target, host, percent, sendBody, compare, compareBody, headers } = settings;
  if (target === null) return null;
  return {
    origin: target.origin,
    host: host === '' ? target.hostname : host,
    target: target.target,
    percent,
    sendBody,
    // Nobody who wrote such an annotation had a target whose certificate counted.
    verify: false,
    compare: compare ? { headers, body: compareBody } : null,
  };
}
