/** Declares `sluice.dev/slow-start-min-percent`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const slowStartMinPercent: AnnotationSpec = defineAnnotation({
  key: 'slow-start-min-percent',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Share to begin `slow-start` with, in percent. Without it 10.',
  example: '20',
  parse: integer({ min: 5, max: 100 }),
  apply: (settings, value) => {
    settings.passiveHealth.slowStartPercent = value;
  },
});
