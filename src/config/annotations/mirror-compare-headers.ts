/** Declares `sluice.dev/mirror-compare-headers`. How the annotations combine is decided in `combine-mirror.ts`. */

import { MAX_COMPARED_HEADERS } from '../../model/mirror.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

/** RFC 9110 §5.6.2: a token. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;

function parse(text: string): Parsed<readonly string[]> {
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  return names.length <= MAX_COMPARED_HEADERS && names.every((name) => NAME.test(name))
    ? { value: [...new Set(names)] }
    : { problem: `expected at most ${MAX_COMPARED_HEADERS} names of headers, separated by commas` };
}

export const mirrorCompareHeaders: AnnotationSpec = defineAnnotation({
  key: 'mirror-compare-headers',
  own: true,
  needs: 'mirror-compare',
  scope: 'location',
  risk: 'low',
  doc: 'Names of the response headers to compare, separated by commas. Default: `content-type, location`.',
  example: 'content-type, etag',
  parse,
  apply: (settings, value) => {
    settings.mirror.headers = value;
  },
});
