/** Declares `sluice.dev/lane-cookie-max-age`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { cookieSeconds } from './parsers.ts';

export const laneCookieMaxAge: AnnotationSpec = defineAnnotation({
  key: 'lane-cookie-max-age',
  own: true,
  scope: 'location',
  risk: 'low',
  doc: 'Seconds that the lane cookie lasts (`Max-Age`). Without it, as long as the browser.',
  example: '86400',
  parse: cookieSeconds,
  needs: 'lane-cookie',
  apply: (settings, value) => {
    settings.lane.cookie.maxAgeSeconds = value;
  },
});
