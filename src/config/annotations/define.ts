/** The form of an annotation: what it is called, what it means, how its text is read and what it changes. */
import type { ProblemSeverity } from '../../model/problem.ts';
import type { IngressSettings } from './ingress-settings.ts';

export type Parsed<T> = { readonly value: T } | { readonly problem: string };

export interface AnnotationDefinition<T> {
  /** Without the prefix. */
  readonly key: string;
  /**
   * `location`: the routes the Ingress owns. `canary`: the canaries it adds to routes of others. `upstream`: the backends it
   * names, for every route that uses them.
   */
  readonly scope: 'location' | 'canary' | 'upstream';
  /** What somebody who may write it can do to others: shown in the reference. */
  readonly risk: 'low' | 'medium' | 'high';
  readonly doc: string;
  readonly example: string;
  /** Problem: what would be right, e.g. `expected a whole number`. */
  readonly parse: (text: string) => Parsed<T>;
  /** Key of the annotation without which this one has no effect. */
  readonly needs?: string;
  /** True: the prefix is our own, `sluice.dev/`, whatever that of the dialect is. */
  readonly own?: boolean;
  /** True: without it the Ingress would be less guarded than asked for, so an invalid value closes its routes. */
  readonly guards?: boolean;
  /** What becomes of an invalid value; absent = the default counts. */
  readonly otherwise?: string;
  /** Of an invalid value; absent = `warning`. */
  readonly severity?: ProblemSeverity;
  readonly apply: (settings: IngressSettings, value: T) => void;
}

/** A definition with its value type closed over, so that annotations of different types fit one list. */
export interface AnnotationSpec
  extends Pick<AnnotationDefinition<unknown>, 'key' | 'scope' | 'risk' | 'doc' | 'example'> {
  readonly own: boolean;
  /** Empty = no other annotation. */
  readonly needs: string;
  readonly guards: boolean;
  readonly otherwise: string;
  readonly severity: ProblemSeverity;
  /** Null when the text was applied; else what would be right. An invalid text changes nothing. */
  readonly read: (settings: IngressSettings, text: string) => string | null;
}

/** What becomes of invalid values where nothing else is said. */
export const DEFAULT_COUNTS = 'the default counts';

export function defineAnnotation<T>(definition: AnnotationDefinition<T>): AnnotationSpec {
  const { key, scope, risk, doc, example, parse, apply, needs = '', own = false, guards = false } = definition;
  const { otherwise = DEFAULT_COUNTS, severity = 'warning' } = definition;
  return {
    key,
    scope,
    risk,
    doc,
    example,
    own,
    needs,
    guards,
    otherwise,
    severity,
    read: (settings, text) => {
      const parsed = parse(text);
      if ('problem' in parsed) return parsed.problem;
      apply(settings, parsed.value);
      return null;
    },
  };
}
