/** Declares `sluice.dev/canary-seed`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const MAX_LENGTH = 256;

function parse(text: string): Parsed<string> {
  const value = text.trim();
  return value.length <= MAX_LENGTH ? { value } : { problem: `expected at most ${MAX_LENGTH} characters` };
}

export const canarySeed: AnnotationSpec = defineAnnotation({
  key: 'canary-seed',
  own: true,
  scope: 'canary',
  risk: 'low',
  doc: 'Text that decides which users come first. Another one for each release spreads the risk over other users; the same one keeps them together over several Ingresses. The default is namespace and name of the Ingress.',
  example: 'release-42',
  parse,
  apply: (settings, value) => {
    settings.canary.seed = value;
  },
});
