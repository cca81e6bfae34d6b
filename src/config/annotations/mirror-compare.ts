/** Declares `sluice.dev/mirror-compare`. How the annotations combine is decided in `combine-mirror.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const mirrorCompare: AnnotationSpec = defineAnnotation({
  key: 'mirror-compare',
  own: true,
  needs: 'mirror-target',
  scope: 'location',
  risk: 'low',
  doc: 'Compare the answers of `mirror-target` with those the clients get: status, some headers and the first 256 KiB of the body. Counted in `sluice_mirror_compared_total`, shown at `/debug/mirror`. Default: false.',
  example: 'true',
  parse: boolean,
  apply: (settings, value) => {
    settings.mirror.compare = value;
  },
});
