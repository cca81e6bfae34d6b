/** Declares `upstream-hash-by`. The language of keys is that of `model/key-template.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { keyTemplate } from './parsers.ts';

export const upstreamHashBy: AnnotationSpec = defineAnnotation({
  key: 'upstream-hash-by',
  scope: 'upstream',
  risk: 'low',
  doc: 'Requests with the same key go to the same endpoint: text with variables of the request, such as `$request_uri`, `$remote_addr`, `$host`, `$arg_NAME`, `$http_NAME` or `$cookie_NAME`. Overrides `load-balance`.',
  example: '$http_x_user',
  parse: keyTemplate,
  apply: (settings, value) => {
    settings.hashing.keyTemplate = value;
  },
});
