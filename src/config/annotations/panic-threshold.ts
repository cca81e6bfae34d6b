/** Declares `sluice.dev/panic-threshold`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const panicThreshold: AnnotationSpec = defineAnnotation({
  key: 'panic-threshold',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'When less than this percentage of the endpoints is healthy, health is ignored and all take requests. Without it 0, which means when none is.',
  example: '30',
  parse: integer({ min: 0, max: 100 }),
  apply: (settings, value) => {
    settings.upstream.panicThreshold = value;
  },
});
