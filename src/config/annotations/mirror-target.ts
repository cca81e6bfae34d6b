/** Declares `mirror-target`. What a target may look like: `model/mirror.ts`. */

import { type MirrorTarget, parseMirrorTarget } from '../../model/mirror.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<MirrorTarget> {
  const target = parseMirrorTarget(text.trim());
  return 'problem' in target ? target : { value: target };
}

export const mirrorTarget: AnnotationSpec = defineAnnotation({
  key: 'mirror-target',
  scope: 'location',
  risk: 'high',
  doc: 'URL that gets a copy of each request, without anybody waiting for it: same method and headers, `X-Sluice-Mirror: 1` beside them, answer thrown away. Path and query may hold variables such as `$request_uri`; the host may not. A constant URL gets every copy at that one path. The certificate of an `https` target is not checked.',
  example: 'https://shadow.example$request_uri',
  parse,
  apply: (settings, value) => {
    settings.mirror.target = value;
  },
});
