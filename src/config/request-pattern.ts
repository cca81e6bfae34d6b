/** Judges regular expressions that requests are compared with: whoever may write an Ingress makes everybody's requests pay. */
import { RE2JS } from 're2js';
import { estimatePatternSize } from './pattern-size.ts';

/** Instructions of a compiled pattern: every matching request pays for them. */
const MAX_PATTERN_SIZE = 500;

/** Null when the pattern compiles, and neither compiling nor matching it costs more than a rule may. */
export function findPatternFault(pattern: string): string | null {
  const size = estimatePatternSize(pattern);
  if (size > MAX_PATTERN_SIZE) return `it needs about ${size} steps for each character; at most ${MAX_PATTERN_SIZE}`;
  try {
    RE2JS.compile(pattern);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
