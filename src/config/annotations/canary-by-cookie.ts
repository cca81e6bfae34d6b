/** Declares `canary-by-cookie`. How the `canary*` annotations combine is decided in `passes/pair-canaries.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { name } from './parsers.ts';

export const canaryByCookie: AnnotationSpec = defineAnnotation({
  key: 'canary-by-cookie',
  scope: 'canary',
  risk: 'low',
  doc: 'Cookie that decides: `always` takes the canary, `never` the main one, anything else goes on to the weight.',
  example: 'canary',
  parse: name,
  apply: (settings, value) => {
    settings.canary.cookie = value;
  },
});
