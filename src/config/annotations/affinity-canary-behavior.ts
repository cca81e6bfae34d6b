/** Declares `affinity-canary-behavior`. Whom the canary then shares clients with is decided in `live/live-split.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<boolean> {
  const value = text.trim();
  return value === 'sticky' || value === 'legacy'
    ? { value: value === 'sticky' }
    : { problem: 'expected sticky or legacy' };
}

export const affinityCanaryBehavior: AnnotationSpec = defineAnnotation({
  key: 'affinity-canary-behavior',
  scope: 'canary',
  risk: 'low',
  doc: '`sticky`: clients that came to the canary stay with it, whatever the rules say later. `legacy`: the canary takes no part in the affinity of the route. The default is `sticky`.',
  example: 'legacy',
  parse,
  apply: (settings, value) => {
    settings.canary.sticky = value;
  },
});
