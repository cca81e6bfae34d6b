/** Declares `canary`. How the `canary*` annotations combine is decided in `passes/pair-canaries.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const canary: AnnotationSpec = defineAnnotation({
  key: 'canary',
  scope: 'canary',
  risk: 'medium',
  doc: 'Makes the Ingress an alternative for the same host, path and path type of an ordinary Ingress. It then owns no host, no route and no certificate of its own.',
  example: 'true',
  parse: boolean,
  apply: (settings, value) => {
    settings.canary.enabled = value;
  },
});
