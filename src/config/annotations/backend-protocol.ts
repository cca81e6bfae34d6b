/** Declares `backend-protocol`. What it means for a connection is decided in `backend-transport.ts`. */
import type { BackendProtocol } from '../backend-transport.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const PROTOCOLS: readonly BackendProtocol[] = ['http', 'https', 'grpc', 'grpcs'];

function parse(text: string): Parsed<BackendProtocol> {
  const written = text.trim().toLowerCase();
  const value = PROTOCOLS.find((known) => known === written);
  return value === undefined ? { problem: 'expected HTTP, HTTPS, GRPC or GRPCS' } : { value };
}

export const backendProtocol: AnnotationSpec = defineAnnotation({
  key: 'backend-protocol',
  scope: 'location',
  risk: 'low',
  doc: 'What backends speak: HTTP, HTTPS (TLS, not verified unless `proxy-ssl-verify` says so), GRPC (HTTP/2 in the clear), GRPCS (HTTP/2 over TLS). Without it `appProtocol` of the Service port counts, and then HTTP.',
  example: 'HTTPS',
  parse,
  apply: (settings, value) => {
    settings.backend.protocol = value;
  },
});
