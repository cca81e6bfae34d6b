/** What somebody may ask of a release: `pause`, `abort`, `promote` (to the last step) or `promote N` (to step N at least). */
import type { ReleaseCommand } from './release.ts';
import { MAX_RELEASE_STEPS } from './release-plan.ts';
import { type Parsed, quote } from './release-text.ts';

/** As written: which step is the last one depends on the plan. */
export type WrittenCommand =
  | Exclude<ReleaseCommand, { readonly kind: 'promote' }>
  /** Counted from 0. */
  | { readonly kind: 'promote'; readonly step: number | 'last' };

export const RELEASE_COMMAND_FORM = 'pause, abort, promote, or promote N with the number of a step, counted from 1';

export function parseReleaseCommand(text: string): Parsed<WrittenCommand> {
  const word = text.trim();
  if (word === 'pause' || word === 'abort') return { value: { kind: word } };
  if (word === 'promote') return { value: { kind: 'promote', step: 'last' } };
  const number = Number(/^promote\s{1,8}(\d{1,3})$/.exec(word)?.[1]);
  return number >= 1 && number <= MAX_RELEASE_STEPS
    ? { value: { kind: 'promote', step: number - 1 } }
    : { problem: `is ${quote(word)}; expected ${RELEASE_COMMAND_FORM}` };
}

/** @param stepCount of the plan; at least 1 */
export function resolveReleaseCommand(command: WrittenCommand, stepCount: number): Parsed<ReleaseCommand> {
  if (command.kind !== 'promote') return { value: command };
  const step = command.step === 'last' ? stepCount - 1 : command.step;
  return step < stepCount
    ? { value: { kind: 'promote', step } }
    : { problem: `asks for step ${step + 1}; the plan has ${stepCount}` };
}

/** What `parseReleaseCommand` reads. */
export function formatReleaseCommand(command: ReleaseCommand): string {
  return command.kind === 'promote' ? `promote ${command.step + 1}` : command.kind;
}
