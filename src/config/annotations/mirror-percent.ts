/** Declares `sluice.dev/mirror-percent`. How the annotations combine is decided in `combine-mirror.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const NUMBER = /^\d{1,3}(?:\.\d{1,4})?$/;

function parse(text: string): Parsed<number> {
  const value = NUMBER.test(text.trim()) ? Number(text.trim()) : Number.NaN;
  return value <= 100 ? { value } : { problem: 'expected a number from 0 to 100, such as 5 or 0.1' };
}

export const mirrorPercent: AnnotationSpec = defineAnnotation({
  key: 'mirror-percent',
  own: true,
  needs: 'mirror-target',
  scope: 'location',
  risk: 'low',
  doc: 'Share of the requests that `mirror-target` gets, drawn at random. Default: 100.',
  example: '5',
  parse,
  apply: (settings, value) => {
    settings.mirror.percent = value;
  },
});
