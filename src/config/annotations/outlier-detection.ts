/** Declares `sluice.dev/outlier-detection`. How it combines with the others is decided in `combine-passive-health.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { onOff } from './parsers.ts';

export const outlierDetection: AnnotationSpec = defineAnnotation({
  key: 'outlier-detection',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'What ordinary requests tell about endpoints: `on` ejects those that fail by all rules below with their defaults, as does any other `outlier-*` annotation; `off` ejects nobody. Without a word, only endpoints that cannot be connected to are ejected, for 5 to 30 seconds.',
  example: 'on',
  parse: onOff,
  apply: (settings, value) => {
    settings.passiveHealth.enabled = value;
  },
});
