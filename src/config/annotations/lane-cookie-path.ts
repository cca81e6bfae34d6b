/** Declares `sluice.dev/lane-cookie-path`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { cookiePath } from './parsers.ts';

export const laneCookiePath: AnnotationSpec = defineAnnotation({
  key: 'lane-cookie-path',
  own: true,
  scope: 'location',
  risk: 'low',
  doc: '`Path` of the lane cookie. The default is `/`, for a lane is for all services of a host.',
  example: '/shop',
  parse: cookiePath,
  needs: 'lane-cookie',
  apply: (settings, value) => {
    settings.lane.cookie.path = value;
  },
});
