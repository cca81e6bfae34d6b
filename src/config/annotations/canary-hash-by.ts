/** Declares `sluice.dev/canary-hash-by`. Which canary speaks for a route is decided in `passes/pair-canaries.ts`. */
import { BUCKET_KEY_FORM, type BucketKey, parseBucketKey } from '../../model/canary.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<BucketKey> {
  const value = parseBucketKey(text.trim());
  return value === null ? { problem: `expected ${BUCKET_KEY_FORM}` } : { value };
}

export const canaryHashBy: AnnotationSpec = defineAnnotation({
  key: 'canary-hash-by',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'What weights divide by instead of chance: `header:NAME`, `cookie:NAME`, `query:NAME`, `client-ip`, or `jwt:CLAIM` of the bearer token. The same user then gets the same version on every replica, and a weight that grows moves nobody out. Requests without it are divided by chance. Counts for all canaries of the route; the first in order that has one decides.',
  example: 'cookie:user',
  parse,
  apply: (settings, value) => {
    settings.canary.hashBy = value;
  },
});
