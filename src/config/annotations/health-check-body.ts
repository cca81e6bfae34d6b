/** Declares `sluice.dev/health-check-body`. How it combines with the others is decided in `combine-health-check.ts`. */
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const MAX_LENGTH = 1_024;

/** It is compared and never sent, so it may be any text. */
function parse(value: string): Parsed<string> {
  return value.length <= MAX_LENGTH ? { value } : { problem: `expected at most ${MAX_LENGTH} characters` };
}

export const healthCheckBody: AnnotationSpec = defineAnnotation({
  key: 'health-check-body',
  own: true,
  scope: 'upstream',
  risk: 'low',
  doc: 'Text that the first 64 KiB of the body must hold.',
  example: 'all fine',
  parse,
  apply: (settings, value) => {
    settings.healthCheck.bodyText = value;
  },
});
