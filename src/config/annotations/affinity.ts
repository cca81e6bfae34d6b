/** Declares `affinity`. Without it the other annotations about affinity mean nothing. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

function parse(text: string): Parsed<boolean> {
  return text.trim() === 'cookie' ? { value: true } : { problem: 'expected cookie' };
}

export const affinity: AnnotationSpec = defineAnnotation({
  key: 'affinity',
  scope: 'location',
  risk: 'low',
  doc: '`cookie`: a client stays with the endpoint that served it first. Counts for the routes of this Ingress and no others of the Service.',
  example: 'cookie',
  parse,
  apply: (settings, value) => {
    settings.affinity.enabled = value;
  },
});
