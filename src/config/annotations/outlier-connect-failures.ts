/** Declares `sluice.dev/outlier-connect-failures`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { integer } from './parsers.ts';

export const outlierConnectFailures: AnnotationSpec = defineAnnotation({
  key: 'outlier-connect-failures',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Connections in a row that could not be opened until an endpoint is ejected; 0 = never. Without it 3.',
  example: '2',
  parse: integer({ min: 0, max: 1_000 }),
  apply: (settings, value) => {
    settings.passiveHealth.limits.connectFailures = value;
  },
});
