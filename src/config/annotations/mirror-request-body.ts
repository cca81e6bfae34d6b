/** Declares `mirror-request-body`. How the annotations combine is decided in `combine-mirror.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { onOff } from './parsers.ts';

export const mirrorRequestBody: AnnotationSpec = defineAnnotation({
  key: 'mirror-request-body',
  needs: 'mirror-target',
  scope: 'location',
  risk: 'low',
  doc: 'Whether copies carry the body (`on` or `off`), as far as it fits in 1 MiB; requests with larger ones are not mirrored. Default: on.',
  example: 'off',
  parse: onOff,
  apply: (settings, value) => {
    settings.mirror.sendBody = value;
  },
});
