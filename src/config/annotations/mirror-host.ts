/** Declares `mirror-host`. How the annotations combine is decided in `combine-mirror.ts`. */

import { isMirrorHost, MIRROR_HOST_FORM } from '../../model/mirror.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';

export const mirrorHost: AnnotationSpec = defineAnnotation({
  key: 'mirror-host',
  needs: 'mirror-target',
  scope: 'location',
  risk: 'low',
  doc: '`Host` of the copies, and the name asked for in TLS. Default: the host of `mirror-target`, without port.',
  example: 'shadow.example',
  parse: (text) => {
    const value = text.trim();
    return isMirrorHost(value) ? { value } : { problem: `expected ${MIRROR_HOST_FORM}` };
  },
  apply: (settings, value) => {
    settings.mirror.host = value;
  },
});
