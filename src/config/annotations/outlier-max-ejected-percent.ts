/** Declares `sluice.dev/outlier-max-ejected-percent`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const outlierMaxEjectedPercent: AnnotationSpec = defineAnnotation({
  key: 'outlier-max-ejected-percent',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Share of the endpoints that may be ejected at once; one of several always may, the last one never. Without it 50.',
  example: '30',
  parse: integer({ min: 0, max: 100 }),
  apply: (settings, value) => {
    settings.passiveHealth.limits.maxEjectedPercent = value;
  },
});
