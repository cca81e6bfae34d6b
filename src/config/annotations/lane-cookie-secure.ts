/** Declares `sluice.dev/lane-cookie-secure`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const laneCookieSecure: AnnotationSpec = defineAnnotation({
  key: 'lane-cookie-secure',
  own: true,
  scope: 'location',
  risk: 'low',
  doc: '`true`: the lane cookie is always `Secure`. Otherwise it is where the client speaks TLS.',
  example: 'true',
  parse: boolean,
  needs: 'lane-cookie',
  apply: (settings, value) => {
    settings.lane.cookie.alwaysSecure = value;
  },
});
