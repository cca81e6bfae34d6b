/** Declares `canary-by-header-value`. How the `canary*` annotations combine is decided in `passes/pair-canaries.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { name } from './parsers.ts';

export const canaryByHeaderValue: AnnotationSpec = defineAnnotation({
  key: 'canary-by-header-value',
  scope: 'canary',
  risk: 'low',
  doc: 'The one value of the header that takes the canary; any other goes on to cookie and weight, `always` and `never` included.',
  example: 'beta',
  parse: name,
  apply: (settings, value) => {
    settings.canary.headerValue = value;
  },
});
