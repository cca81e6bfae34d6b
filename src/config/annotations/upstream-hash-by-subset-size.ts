/** Declares `upstream-hash-by-subset-size`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { DEFAULT_SUBSET_SIZE } from './ingress-settings.ts';
import { integer } from './parsers.ts';

export const upstreamHashBySubsetSize: AnnotationSpec = defineAnnotation({
  key: 'upstream-hash-by-subset-size',
  scope: 'upstream',
  risk: 'low',
  needs: 'upstream-hash-by-subset',
  doc: `How many endpoints such a set has; the default is ${DEFAULT_SUBSET_SIZE}, and 0 stands for it.`,
  example: '5',
  parse: integer({ min: 0 }),
  apply: (settings, value) => {
    settings.hashing.subsetSize = value === 0 ? DEFAULT_SUBSET_SIZE : value;
  },
});
