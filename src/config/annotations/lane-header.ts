/** Declares `sluice.dev/lane-header`. */
import { isLaneHeader, LANE_HEADER_FORM } from '../../model/lane.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<string> {
  const value = text.trim();
  return isLaneHeader(value) ? { value } : { problem: `expected ${LANE_HEADER_FORM}` };
}

export const laneHeader: AnnotationSpec = defineAnnotation({
  key: 'lane-header',
  own: true,
  scope: 'location',
  risk: 'low',
  doc: 'Name of the request header that says the lane. The default is X-Sluice-Lane.',
  example: 'X-Env',
  parse,
  needs: 'lane',
  apply: (settings, value) => {
    settings.lane.header = value;
  },
});
