/** Declares `affinity-canary-behavior`. Whom the canary then shares clients with is decided in `live/live-split.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const BEHAVIOURS = ['sticky', 'legacy', 'header-first'] as const;

function parse(text: string): Parsed<(typeof BEHAVIOURS)[number]> {
  const value = BEHAVIOURS.find((known) => known === text.trim());
  return value === undefined ? { problem: 'expected sticky, legacy or header-first' } : { value };
}

export const affinityCanaryBehavior: AnnotationSpec = defineAnnotation({
  key: 'affinity-canary-behavior',
  scope: 'canary',
  risk: 'low',
  doc: '`sticky`: clients that came to the canary stay with it, whatever the rules say later. `legacy`: the canary takes no part in the affinity of the route. `header-first`: like `sticky`, but rules by header, cookie and match count before the session, and only the weight behind it. The default is `sticky`.',
  example: 'legacy',
  parse,
  apply: (settings, value) => {
    settings.canary.sticky = value !== 'legacy';
    settings.canary.rulesFirst = value === 'header-first';
  },
});
