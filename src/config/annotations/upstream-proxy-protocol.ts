/** Declares `upstream-proxy-protocol`. The header itself is written in the data plane. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<'v1' | 'v2'> {
  const value = text.trim();
  return value === 'v1' || value === 'v2' ? { value } : { problem: 'expected v1 or v2' };
}

export const upstreamProxyProtocol: AnnotationSpec = defineAnnotation({
  key: 'upstream-proxy-protocol',
  scope: 'location',
  risk: 'low',
  own: true,
  doc: 'Name the client to backends in a PROXY protocol header of this version, `v1` or `v2`. Each connection then serves one request.',
  example: 'v2',
  parse,
  apply: (settings, value) => {
    settings.backend.sendProxyProtocol = value;
  },
});
