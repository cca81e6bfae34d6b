/**
 * `plan` of a canary in the static configuration file: its shape, what is wrong with it, and what it becomes. The texts in
 * it are those of the annotations.
 */
import { z } from 'zod';
import type { ReleaseConfig, ReleaseGates, ReleaseStep } from '../model/release.ts';
import { parseReleaseCommand, RELEASE_COMMAND_FORM, resolveReleaseCommand } from '../model/release-command.ts';
import {
  DEFAULT_RELEASE_GATES,
  NO_RELEASE_GATES,
  RELEASE_GATE_NAMES,
  type ReleaseGateName,
  readReleaseGate,
  releaseGateForm,
} from '../model/release-gates.ts';
import {
  findPlanFault,
  isReleaseName,
  isReleasePercent,
  MAX_RELEASE_STEPS,
  RELEASE_NAME_FORM,
  RELEASE_PERCENT_FORM,
  toReleaseRevision,
} from '../model/release-plan.ts';
import { parseReleaseTime, RELEASE_TIME_FORM } from '../model/release-text.ts';
import { parseReleaseWindow, RELEASE_WINDOW_FORM } from '../model/release-window.ts';
import type { JsonRecord } from './narrow-object.ts';
import { map, passing, text } from './static-schema-parts.ts';

export interface PlanEntry {
  readonly release?: string | undefined;
  readonly steps?: readonly StepEntry[] | undefined;
  readonly gates?: { readonly [K in ReleaseGateName]?: string | number | undefined } | undefined;
  readonly command?: string | undefined;
  readonly expiresAfter?: string | undefined;
  readonly window?: string | undefined;
}

interface StepEntry {
  readonly percent: number;
  readonly hold?: string | undefined;
}

const time = (): z.ZodString => passing((value) => parseReleaseTime(value) !== null, RELEASE_TIME_FORM);

const gate = (name: ReleaseGateName): z.ZodType<string | number> => {
  const error = releaseGateForm(name);
  return z
    .union([z.string(), z.number()], { error })
    .refine((value) => 'value' in readReleaseGate(name, String(value), NO_RELEASE_GATES), { error });
};

export const planSchema: z.ZodType<PlanEntry> = map({
  release: passing(isReleaseName, RELEASE_NAME_FORM)
    .optional()
    .describe('Name of the release; another one begins the plan anew. Default: the upstream of the canary.'),
  steps: z
    .array(
      map({
        percent: z
          .number({ error: RELEASE_PERCENT_FORM })
          .refine(isReleasePercent, { error: RELEASE_PERCENT_FORM })
          .describe('Share of the requests that no header, cookie or match decided; more than in the step before.'),
        hold: time().optional().describe('Time to stay at least. Only the last step may go without: it is for good.'),
      }),
      { error: 'a list of steps' },
    )
    .min(1, { error: 'at least one step' })
    .max(MAX_RELEASE_STEPS, { error: `at most ${MAX_RELEASE_STEPS} steps` })
    .optional()
    .describe('Shares that follow each other, instead of `weight`.'),
  gates: map({
    errors: gate('errors')
      .optional()
      .describe('Percentage points by which more requests may fail than at stable. Default: `+1%`.'),
    p50: gate('p50').optional().describe('Times the median latency of stable. Default: not asked.'),
    p95: gate('p95').optional().describe('Times the latency of stable that 95 % stay below. Default: not asked.'),
    p99: gate('p99').optional().describe('Times the latency of stable that 99 % stay below. Default: not asked.'),
    requests: gate('requests').optional().describe('Requests of the canary in a step before the next. Default: 100.'),
    failures: gate('failures')
      .optional()
      .describe('Failed requests of the canary in the whole release. Default: not asked.'),
  })
    .optional()
    .describe('How much worse than stable the canary may be; `any` as a value asks nothing.'),
  command: passing((value) => 'value' in parseReleaseCommand(value), RELEASE_COMMAND_FORM)
    .optional()
    .describe('What the release should do, as long as it stands here. Default: nothing.'),
  expiresAfter: time()
    .optional()
    .describe('So long after its beginning the canary gets nothing any more, also by its rules. Default: never.'),
  window: text(RELEASE_WINDOW_FORM)
    .superRefine((value, context) => {
      const parsed = parseReleaseWindow(value);
      if ('value' in parsed) return;
      context.addIssue({ code: 'custom', message: parsed.problem.replace(/^.*expected /s, '') });
    })
    .optional()
    .describe('Days, hours and time zone in which steps are taken. Default: at any time.'),
});

export interface PlanMistake {
  /** Below the plan; empty = the plan itself. */
  readonly field: string;
  readonly message: string;
}

/** What the schema does not say of a plan of the right shape. */
export function findPlanMistakes(value: JsonRecord): readonly PlanMistake[] {
  const parsed = planSchema.safeParse(value);
  if (!parsed.success) return [];
  const { steps, expiresAfter, gates, window, command } = parsed.data;
  if (steps === undefined) {
    if (expiresAfter === undefined) {
      return [{ field: '', message: 'has neither steps nor expiresAfter; expected at least one of them' }];
    }
    const lone = [
      ['gates', gates !== undefined],
      ['window', window !== undefined],
      ['command', command !== undefined && command.trim() !== 'abort'],
    ] as const;
    return lone
      .filter(([, isThere]) => isThere)
      .map(([field]) => ({ field: `.${field}`, message: 'has no effect without `steps`' }));
  }
  const fault = findPlanFault(toSteps(steps));
  if (fault !== null)
    return [{ field: `.steps${fault.step === null ? '' : `[${fault.step}]`}`, message: fault.problem }];
  const resolved = command === undefined ? null : toCommand(command, steps.length);
  return resolved !== null && 'problem' in resolved ? [{ field: '.command', message: resolved.problem }] : [];
}

/** Same text = same release; null where it is not of the right shape. */
export function describePlan(
  value: JsonRecord,
  upstream: string,
): { readonly id: string; readonly content: string } | null {
  const parsed = planSchema.safeParse(value);
  if (!parsed.success) return null;
  const release = toRelease(parsed.data, upstream);
  return { id: release.id, content: JSON.stringify(release) };
}

export function toRelease(entry: PlanEntry, upstream: string): ReleaseConfig {
  const { release, steps: written = [], gates, command, expiresAfter, window } = entry;
  const steps = toSteps(written);
  const resolved = command === undefined ? null : toCommand(command, steps.length);
  const parsedWindow = window === undefined ? null : parseReleaseWindow(window);
  return {
    id: release ?? upstream,
    revision: toReleaseRevision(steps, release ?? ''),
    steps,
    gates: steps.length === 0 ? NO_RELEASE_GATES : toGates(gates ?? {}),
    // What has a problem was rejected, and with it the whole configuration.
    command: resolved !== null && 'value' in resolved ? resolved.value : null,
    expiresAfterMs: expiresAfter === undefined ? null : parseReleaseTime(expiresAfter),
    window: parsedWindow !== null && 'value' in parsedWindow ? parsedWindow.value : null,
    state: null,
  };
}

function toSteps(steps: readonly StepEntry[]): readonly ReleaseStep[] {
  return steps.map(({ percent, hold }) => {
    // As texts have it, so that equal plans are equal.
    const rounded = Math.round(percent * 1_000) / 1_000;
    return { percent: rounded, holdMs: hold === undefined ? 0 : (parseReleaseTime(hold) ?? 0) };
  });
}

function toGates(written: NonNullable<PlanEntry['gates']>): ReleaseGates {
  return RELEASE_GATE_NAMES.reduce((gates, name) => {
    const value = written[name];
    const parsed = value === undefined ? null : readReleaseGate(name, String(value), gates);
    return parsed !== null && 'value' in parsed ? parsed.value : gates;
  }, DEFAULT_RELEASE_GATES);
}

function toCommand(written: string, stepCount: number): ReturnType<typeof resolveReleaseCommand> {
  const parsed = parseReleaseCommand(written);
  return 'value' in parsed ? resolveReleaseCommand(parsed.value, stepCount) : parsed;
}
