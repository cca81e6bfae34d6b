/** Declares `sluice.dev/lane-cookie`. What it does to responses stands in `proxy/lane-answer.ts`. */
import { isLaneCookie, LANE_COOKIE_FORM } from '../../model/lane.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<string> {
  const value = text.trim();
  return isLaneCookie(value) ? { value } : { problem: `expected ${LANE_COOKIE_FORM}` };
}

export const laneCookie: AnnotationSpec = defineAnnotation({
  key: 'lane-cookie',
  own: true,
  scope: 'location',
  risk: 'low',
  doc: 'Name of a cookie that keeps clients in the lane that answered them: that of this Ingress, or of a canary with `sluice.dev/lane-honour-cookie`. Set only where a canary has that.',
  example: 'sluice-lane',
  otherwise: 'no cookie is set',
  parse,
  needs: 'lane',
  apply: (settings, value) => {
    settings.lane.cookie.name = value;
  },
});
