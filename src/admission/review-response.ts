/** Puts a judgement into the words and limits of an `admission.k8s.io/v1` response. */
import { formatRef } from '../model/object-ref.ts';
import type { Problem } from '../model/problem.ts';

export interface Verdict {
  /** Reasons to refuse the object; empty = it is allowed. */
  readonly faults: readonly Problem[];
  /** Reported of the object, which is allowed all the same. */
  readonly doubts: readonly Problem[];
  /** Reported of other objects. */
  readonly consequences: readonly Problem[];
}

/** What the API server is answered. */
export interface ReviewResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly warnings?: readonly string[];
  readonly status?: {
    readonly code: number;
    readonly reason: string;
    readonly message: string;
    readonly details: { readonly causes: readonly StatusCause[] };
  };
}

interface StatusCause {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

/** API servers cut longer ones once all warnings of a request together have 4,096 characters. */
const MAX_WARNING_LENGTH = 256;
const MAX_WARNINGS = 8;
const MAX_CAUSES = 8;
const MAX_CAUSE_LENGTH = 1_024;
/** What cannot stand in a header field or would confuse a terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

export function toReviewResponse(uid: string, { faults, doubts, consequences }: Verdict): ReviewResponse {
  const warnings = toWarnings([
    ...doubts.map((problem) => `sluice: ${describe(problem)}`),
    ...consequences.map((problem) => `sluice: changes ${formatRef(problem.source)}: ${describe(problem)}`),
  ]);
  return {
    uid,
    allowed: faults.length === 0,
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(faults.length === 0 ? {} : { status: toStatus(faults) }),
  };
}

/**
 * 400 and not 422: of a 422 kubectl prints the causes alone, without the file and without who refused it.
 */
function toStatus(faults: readonly Problem[]): NonNullable<ReviewResponse['status']> {
  const shown = faults.slice(0, MAX_CAUSES);
  const more = faults.length > shown.length ? `; and ${faults.length - shown.length} more` : '';
  return {
    code: 400,
    reason: 'BadRequest',
    message: `${shown.map((fault) => shorten(describe(fault), MAX_CAUSE_LENGTH)).join('; ')}${more}`,
    details: {
      causes: shown.map(({ field, message }) => ({
        reason: 'FieldValueInvalid',
        field: shorten(field, MAX_CAUSE_LENGTH),
        message: shorten(message, MAX_CAUSE_LENGTH),
      })),
    },
  };
}

function toWarnings(texts: readonly string[]): readonly string[] {
  const warnings = texts.map((text) => shorten(text, MAX_WARNING_LENGTH));
  if (warnings.length <= MAX_WARNINGS) return warnings;
  const shown = warnings.slice(0, MAX_WARNINGS - 1);
  return [...shown, `sluice: and ${warnings.length - shown.length} more`];
}

function describe({ field, message }: Problem): string {
  return field === '' ? message : `${field}: ${message}`;
}

/** At most so many UTF-16 units, with no half of a character at the end. */
function shorten(text: string, length: number): string {
  const clean = text.slice(0, length + 1).replace(UNPRINTABLE, '\u{FFFD}');
  const cut = clean.length <= length ? clean : `${clean.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
  return cut.toWellFormed();
}
