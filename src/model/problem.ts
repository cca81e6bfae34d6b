/**
 * What is wrong with a piece of configuration, as a value. Configuration faults are never thrown: one bad object must
 * not cost another object anything.
 */
import type { FileLocation, ObjectRef } from './object-ref.ts';

/** Stable codes; documented in `docs/reference/problems.md` (a test compares both ways). */
export const PROBLEM_CODES = [
  'annotation-invalid',
  'annotation-unsupported',
  'backend-invalid',
  'canary-invalid',
  'certificate-invalid',
  'certificate-mismatch',
  'class-not-found',
  'config-invalid',
  'config-syntax',
  'config-unknown-key',
  'file-unreadable',
  'host-invalid',
  'object-invalid',
  'path-conflict',
  'path-invalid',
  'port-not-found',
  'reference-not-found',
  'resource-denied',
  'security-unsupported',
  'upstream-conflict',
] as const;

export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** `rejected`: the object, or the part of it that `field` names, is not served. `warning`: served, but not as written. */
export type ProblemSeverity = 'warning' | 'rejected';

export interface Problem {
  readonly code: ProblemCode;
  readonly severity: ProblemSeverity;
  readonly source: ObjectRef;
  /** Path inside the object, e.g. `spec.rules[0].http.paths[1].path` or `routes[0].canaries[1].weight`. Empty = whole object. */
  readonly field: string;
  /** Lower case, no full stop: what was wrong, with which value, and what would be right. Never holds key material. */
  readonly message: string;
  /** Set where the object came from a file. */
  readonly location: FileLocation | null;
}
