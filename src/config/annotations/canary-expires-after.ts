/** Declares `sluice.dev/canary-expires-after`. How the annotations of a release combine is decided in `combine-release.ts`. */
import { parseReleaseTime, RELEASE_TIME_FORM } from '../../model/release-text.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<number> {
  const value = parseReleaseTime(text.trim());
  return value === null ? { problem: `expected ${RELEASE_TIME_FORM}` } : { value };
}

export const canaryExpiresAfter: AnnotationSpec = defineAnnotation({
  key: 'canary-expires-after',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'So long after its beginning the canary gets nothing any more, also by its rules. Counts with and without a plan. The default is never.',
  example: '72h',
  parse,
  otherwise: 'no step is taken',
  apply: (settings, value) => {
    settings.release.expiresAfterMs = value;
  },
});
