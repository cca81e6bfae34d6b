/** Declares `sluice.dev/hash-bound`: how far popular keys may load their endpoint. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const hashBound: AnnotationSpec = defineAnnotation({
  key: 'hash-bound',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Percentage of the average number of requests under way that one endpoint may have, at least 100: beyond it, further requests with its keys go to the next endpoint in the order of the key. Without it there is no bound.',
  example: '125',
  parse: integer({ min: 100 }),
  apply: (settings, value) => {
    settings.hashing.boundPercent = value;
  },
});
