/** Declares `canary-by-header`. How the `canary*` annotations combine is decided in `passes/pair-canaries.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { name } from './parsers.ts';

export const canaryByHeader: AnnotationSpec = defineAnnotation({
  key: 'canary-by-header',
  scope: 'canary',
  risk: 'low',
  doc: 'Header that decides. Without value or pattern: `always` takes the canary, `never` the main one, anything else goes on to cookie and weight.',
  example: 'X-Canary',
  parse: name,
  apply: (settings, value) => {
    settings.canary.header = value;
  },
});
