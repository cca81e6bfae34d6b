/** Declares `sluice.dev/canary-state`, which Sluice itself writes and reads again. */
import { parseReleaseState } from '../../model/release-state.ts';
import { type AnnotationSpec, defineAnnotation } from './define.ts';

export const canaryState: AnnotationSpec = defineAnnotation({
  key: 'canary-state',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'Written by Sluice: how far the release is. Without it, or with that of another plan or name, the plan begins anew.',
  example:
    '{"revision":"26a957ae62dbd214","phase":"running","step":1,"beganAt":1790000000000,"changedAt":1790000600000,"elapsedMs":0,"earlierFailures":0,"reason":""}',
  parse: parseReleaseState,
  otherwise: 'the canary gets no share until it is removed',
  apply: (settings, value) => {
    settings.release.state = value;
  },
});
