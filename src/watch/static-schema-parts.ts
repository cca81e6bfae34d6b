/** What the declarations of the static configuration file are made of. */
import { z } from 'zod';
import { DURATION_FORM, parseDurationMs } from './quantity.ts';
import { findPatternFault } from './static-values.ts';

const MAX_TEXT = 4_096;

// Every error text says what would be right: `static-issues.ts` puts what was there in front of it.

export const text = (form: string): z.ZodString =>
  z.string({ error: form }).max(MAX_TEXT, { error: `${form}, at most ${MAX_TEXT} characters` });
export const matching = (pattern: RegExp, form: string): z.ZodString => text(form).regex(pattern, { error: form });
export const passing = (isFine: (value: string) => boolean, form: string): z.ZodString =>
  text(form).refine(isFine, { error: form });
export const integer = (min: number, max: number): z.ZodInt => {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};
export const map = <T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> =>
  z.strictObject(shape, { error: 'a map' });
export const pattern = (): z.ZodString =>
  text('a regular expression').superRefine((value, context) => {
    const fault = findPatternFault(value);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  });

export const duration: z.ZodString = passing((value) => parseDurationMs(value) !== null, DURATION_FORM);
