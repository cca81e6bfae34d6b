/** Declares `upstream-hash-by-subset`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const upstreamHashBySubset: AnnotationSpec = defineAnnotation({
  key: 'upstream-hash-by-subset',
  scope: 'upstream',
  risk: 'low',
  needs: 'upstream-hash-by',
  doc: 'A key leads to a set of endpoints, and each request with it to any of them.',
  example: 'true',
  parse: boolean,
  apply: (settings, value) => {
    settings.hashing.inSubsets = value;
  },
});
