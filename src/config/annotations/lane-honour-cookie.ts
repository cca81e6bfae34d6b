/** Declares `sluice.dev/lane-honour-cookie`. How it combines with that of the route is decided in `lane-match.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const laneHonourCookie: AnnotationSpec = defineAnnotation({
  key: 'lane-honour-cookie',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'Whether clients that this canary has answered come back to it: by the lane cookie of the route (`sluice.dev/lane-cookie` of the ordinary Ingress), whatever the weights. Anybody can write the cookie, and so choose the canary. The default is no.',
  example: 'true',
  parse: boolean,
  apply: (settings, value) => {
    settings.lane.honourCookie = value;
  },
});
