/** Declares `sluice.dev/health-check-body-pattern`. How it combines with the others is decided in `combine-health-check.ts`. */
import { RE2JS } from 're2js';
import { estimatePatternSize } from '../pattern-size.ts';
import { type AnnotationSpec, defineAnnotation, type Parsed } from './define.ts';

const MAX_LENGTH = 256;
/** Instructions of the compiled pattern: the control plane pays for them with every byte of every body. */
const MAX_PATTERN_SIZE = 100;

function parse(value: string): Parsed<string> {
  if (value.length > MAX_LENGTH) return { problem: `expected at most ${MAX_LENGTH} characters` };
  const size = estimatePatternSize(value);
  if (size > MAX_PATTERN_SIZE) {
    return { problem: `it needs about ${size} steps for each character; at most ${MAX_PATTERN_SIZE}` };
  }
  try {
    RE2JS.compile(value);
    return { value };
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    return { problem: `expected a regular expression in RE2 syntax (${reason.slice(0, 200)})` };
  }
}

export const healthCheckBodyPattern: AnnotationSpec = defineAnnotation({
  key: 'health-check-body-pattern',
  own: true,
  scope: 'upstream',
  risk: 'medium',
  doc: 'Regular expression (RE2, unanchored) that must match in the first 64 KiB of the body. Ignored next to `sluice.dev/health-check-body`.',
  example: '^(UP|OK)$',
  parse,
  apply: (settings, value) => {
    settings.healthCheck.bodyPattern = value;
  },
});
