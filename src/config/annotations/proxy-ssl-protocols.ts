/** Declares `proxy-ssl-protocols`. How it combines with the others is decided in `backend-tls.ts`. */
import type { TlsVersion } from '../../model/proxy-config.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const OLD_VERSIONS: readonly string[] = ['SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1'];

function parse(text: string): Parsed<{ readonly min: TlsVersion; readonly max: TlsVersion }> {
  const words = text.trim().split(/\s+/);
  const has2 = words.includes('TLSv1.2');
  const has3 = words.includes('TLSv1.3');
  const known = words.every((word) => word === 'TLSv1.2' || word === 'TLSv1.3' || OLD_VERSIONS.includes(word));
  if (!known || (!has2 && !has3)) return { problem: 'expected TLSv1.2, TLSv1.3 or both' };
  return { value: { min: has2 ? 'TLSv1.2' : 'TLSv1.3', max: has3 ? 'TLSv1.3' : 'TLSv1.2' } };
}

export const proxySslProtocols: AnnotationSpec = defineAnnotation({
  key: 'proxy-ssl-protocols',
  scope: 'location',
  risk: 'low',
  doc: 'TLS versions to backends, of `TLSv1.2` and `TLSv1.3`; the default beside `proxy-ssl-secret` is `TLSv1.2`. Older versions are left out.',
  example: 'TLSv1.2 TLSv1.3',
  parse,
  apply: (settings, value) => {
    settings.backend.sslMinVersion = value.min;
    settings.backend.sslMaxVersion = value.max;
  },
});
