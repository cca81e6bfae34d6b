/** Declares `sluice.dev/canary-release`. How the annotations of a release combine is decided in `combine-release.ts`. */
import { isReleaseName, RELEASE_NAME_FORM } from '../../model/release-plan.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<string> {
  const value = text.trim();
  return isReleaseName(value) ? { value } : { problem: `expected ${RELEASE_NAME_FORM}` };
}

export const canaryRelease: AnnotationSpec = defineAnnotation({
  key: 'canary-release',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'Name of the release. Another name begins the plan anew, also where the plan itself stays as it is.',
  example: 'v42',
  parse,
  otherwise: 'the canary gets no share',
  severity: 'rejected',
  apply: (settings, value) => {
    settings.release.name = value;
  },
});
