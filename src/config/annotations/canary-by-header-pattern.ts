/** Declares `canary-by-header-pattern`. Whether the pattern compiles is decided in `passes/pair-canaries.ts`. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { plainText } from './parsers.ts';

/** Generous for a header value. What counted repetition makes of it is bounded where the pattern is compiled. */
const MAX_LENGTH = 256;

const parseCharacters = plainText(
  /^[A-Za-z0-9\-._~/:^$[\](){}*+?|&=\\]*$/,
  'letters, digits and - . _ ~ / : ^ $ [ ] ( ) { } * + ? | & = \\',
);

export const canaryByHeaderPattern: AnnotationSpec = defineAnnotation({
  key: 'canary-by-header-pattern',
  scope: 'canary',
  risk: 'medium',
  doc: 'Regular expression (RE2, unanchored, case-sensitive) that takes the canary where the header matches it. Ignored next to `canary-by-header-value`.',
  example: '^(beta|staff)$',
  parse: (raw) =>
    raw.length > MAX_LENGTH ? { problem: `expected at most ${MAX_LENGTH} characters` } : parseCharacters(raw),
  apply: (settings, value) => {
    settings.canary.headerPattern = value;
  },
});
