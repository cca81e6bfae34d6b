/** How two readings of the same bytes relate. */
export interface Finding {
  /** `stricter`: we refused by a named rule. `known`: a named, deliberate difference. Only `failure` is a fault. */
  readonly kind: 'same' | 'stricter' | 'known' | 'undecided' | 'failure';
  readonly label: string;
}

export const SAME: Finding = { kind: 'same', label: 'same reading' };
/** The head is not complete, and the other parser has seen enough of it to refuse. */
export const UNDECIDED: Finding = { kind: 'undecided', label: 'refused by llhttp before its end, which we wait for' };

export function failure(label: string): Finding {
  return { kind: 'failure', label };
}
