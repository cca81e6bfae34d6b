/** Declares `sluice.dev/health-check-verify`. How it combines with the others is decided in `combine-health-check.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const healthCheckVerify: AnnotationSpec = defineAnnotation({
  key: 'health-check-verify',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Whether chain and name of the certificate are checked. Without it as requests have it.',
  example: 'true',
  parse: boolean,
  apply: (settings, value) => {
    settings.healthCheck.others.verify = value;
  },
});
