/** Declares `sluice.dev/canary-fallback`. Who takes over, and when, is decided in `proxy/takeover.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const canaryFallback: AnnotationSpec = defineAnnotation({
  key: 'canary-fallback',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'Whether the main service answers what the canary fails on, as far as `proxy-next-upstream` and its relatives let the request be sent again. The default is yes for requests that the weight sent to the canary, and no for those that a header, cookie or match did: who asks for the canary wants to see what it does.',
  example: 'true',
  parse: boolean,
  apply: (settings, value) => {
    settings.canary.fallback = value ? 'always' : 'never';
  },
});
