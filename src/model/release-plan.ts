/**
 * The text of a plan, `5%/10m, 25%/10m, 100%`: shares that grow, each with the time it is held at least. The last one may
 * go without, and is then for good.
 */
import { murmur3 } from './murmur3.ts';
import type { ReleaseStep } from './release.ts';
import {
  formatReleaseTime,
  type Parsed,
  parseDecimal,
  parseReleaseTime,
  quote,
  RELEASE_TIME_FORM,
} from './release-text.ts';

export const MAX_RELEASE_STEPS = 32;

const MAX_LENGTH = 1_024;

export const RELEASE_PERCENT_FORM = 'a percentage above 0 and up to 100, with at most three decimals';

export function parseReleasePlan(text: string): Parsed<readonly ReleaseStep[]> {
  if (text.length > MAX_LENGTH) return { problem: `expected at most ${MAX_LENGTH} characters` };
  const steps: ReleaseStep[] = [];
  for (const [index, part] of text.split(',').entries()) {
    const parsed = parseStep(part.trim());
    if ('problem' in parsed) return { problem: `step ${index + 1} ${parsed.problem}` };
    steps.push(parsed.value);
  }
  const fault = findPlanFault(steps);
  if (fault === null) return { value: steps };
  return { problem: fault.step === null ? fault.problem : `step ${fault.step + 1} ${fault.problem}` };
}

function parseStep(text: string): Parsed<ReleaseStep> {
  const [left = '', ...rest] = text.split('/');
  const share = left.trimEnd();
  const percent = share.endsWith('%') && rest.length < 2 ? parseDecimal(share.slice(0, -1).trimEnd()) : null;
  if (percent === null) return { problem: `is ${quote(text)}; expected PERCENT%/TIME, such as 5%/10m` };
  if (!isReleasePercent(percent)) return { problem: `has ${quote(share)}; expected ${RELEASE_PERCENT_FORM}` };
  const time = rest[0]?.trimStart();
  if (time === undefined) return { value: { percent, holdMs: 0 } };
  const holdMs = parseReleaseTime(time);
  return holdMs === null
    ? { problem: `has the time ${quote(time)}; expected ${RELEASE_TIME_FORM}` }
    : { value: { percent, holdMs } };
}

/** For numbers that were not written as texts. */
export function isReleasePercent(percent: number): boolean {
  return percent > 0 && percent <= 100 && Math.abs(percent * 1_000 - Math.round(percent * 1_000)) < 1e-6;
}

export interface PlanFault {
  /** Counted from 0; null = all of them. */
  readonly step: number | null;
  readonly problem: string;
}

/** What is wrong with the steps together, and what would be right. */
export function findPlanFault(steps: readonly ReleaseStep[]): PlanFault | null {
  if (steps.length === 0 || steps.length > MAX_RELEASE_STEPS) {
    return { step: null, problem: `has ${steps.length} steps; expected 1 to ${MAX_RELEASE_STEPS}` };
  }
  for (const [step, { percent, holdMs }] of steps.entries()) {
    const before = steps[step - 1];
    if (before !== undefined && percent <= before.percent) {
      return { step, problem: `has ${percent} % after ${before.percent} %; expected percentages that grow` };
    }
    if (holdMs === 0 && step < steps.length - 1) {
      const problem = 'has no time to stay, which only the last step may lack; expected a time such as 10m';
      return { step, problem };
    }
  }
  return null;
}

/** What `parseReleasePlan` reads; the same for plans that mean the same. */
export function formatReleasePlan(steps: readonly ReleaseStep[]): string {
  return steps
    .map(({ percent, holdMs }) => `${percent}%${holdMs === 0 ? '' : `/${formatReleaseTime(holdMs)}`}`)
    .join(', ');
}

/** Letters, digits and a few more: the name of a release stands in logs, metrics and messages. */
const RELEASE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+/:@-]{0,127}$/;

export const RELEASE_NAME_FORM =
  'a name of at most 128 letters, digits and . _ + / : @ -, beginning with a letter or digit';

export function isReleaseName(text: string): boolean {
  return RELEASE_NAME.test(text);
}

/**
 * Short, and the same in every process: another one makes another release.
 * @param name empty = none
 */
export function toReleaseRevision(steps: readonly ReleaseStep[], name: string): string {
  const text = `${formatReleasePlan(steps)}\n${name}`;
  return [0, 1].map((seed) => (murmur3(text, seed) >>> 0).toString(16).padStart(8, '0')).join('');
}
