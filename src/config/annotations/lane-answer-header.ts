/** Declares `sluice.dev/lane-answer-header`. What it does to responses stands in `proxy/lane-answer.ts`. */
import { isLaneAnswerHeader, LANE_ANSWER_HEADER_FORM } from '../../model/lane.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<string> {
  const value = text.trim();
  return isLaneAnswerHeader(value) ? { value } : { problem: `expected ${LANE_ANSWER_HEADER_FORM}` };
}

export const laneAnswerHeader: AnnotationSpec = defineAnnotation({
  key: 'lane-answer-header',
  own: true,
  scope: 'location',
  risk: 'low',
  doc: 'Name of a response header that says in which lane a request was: that of this Ingress or of one of its canaries. What back ends say in it is taken off. Without it no response says so.',
  example: 'X-Sluice-Lane',
  otherwise: 'no response says the lane',
  parse,
  needs: 'lane',
  apply: (settings, value) => {
    settings.lane.answerHeader = value;
  },
});
