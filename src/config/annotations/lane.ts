/** Declares `sluice.dev/lane`. What it does to requests stands in `proxy/lane.ts`. */
import { isLaneName, LANE_NAME_FORM } from '../../model/lane.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<string> {
  const value = text.trim();
  return isLaneName(value) ? { value } : { problem: `expected ${LANE_NAME_FORM}` };
}

export const lane: AnnotationSpec = defineAnnotation({
  key: 'lane',
  own: true,
  scope: 'location',
  risk: 'low',
  doc: 'Name that requests to the services of this Ingress carry on, in a header and as `lane` in `baggage`. On a canary it is that of its requests alone. What clients say of lanes is taken off the requests of all routes of which a side has one.',
  example: 'v2',
  otherwise: 'requests carry no lane',
  parse,
  apply: (settings, value) => {
    settings.lane.name = value;
  },
});
