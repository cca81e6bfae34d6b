/** Declares `sluice.dev/lane-honour`. It becomes a match in `passes/pair-canaries.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { boolean } from './parsers.ts';

export const laneHonour: AnnotationSpec = defineAnnotation({
  key: 'lane-honour',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'Whether a request that comes with the lane of this canary in the lane header takes the canary, like one that its match chooses. Anybody can send the header: use it where only services of your own are clients. The default is no.',
  example: 'true',
  parse: boolean,
  apply: (settings, value) => {
    settings.lane.honour = value;
  },
});
