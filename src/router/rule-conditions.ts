/**
 * What a rule demands of a request beyond host and path, compiled, and the choice among the rules of one place.
 * Hot: allocates only where a condition is a regular expression.
 */
import type { RouteConditions, ValueMatch } from '../model/proxy-config.ts';
import { compilePathPattern, type PathPattern } from './path-pattern.ts';

/** The parts of a request that conditions ask for. */
export interface RequestFacts {
  readonly method: string;
  header(lowerCaseName: string): string | null;
  queryParameter(name: string): string | null;
}

/** One rule at its place: the payload and what must hold for it. */
export class RuleEntry<T> {
  readonly payload: T;
  /** Null = always holds. */
  readonly conditions: CompiledConditions | null;

  constructor(payload: T, conditions: CompiledConditions | null) {
    this.payload = payload;
    this.conditions = conditions;
  }
}

/** The first entry whose conditions hold. */
export function firstThatHolds<T>(entries: readonly RuleEntry<T>[], facts: RequestFacts): RuleEntry<T> | null {
  for (const entry of entries) {
    if (entry.conditions === null || entry.conditions.hold(facts)) return entry;
  }
  return null;
}

export class CompiledConditions {
  readonly #method: string | null;
  readonly #headers: readonly ValueTest[];
  readonly #query: readonly ValueTest[];

  constructor(method: string | null, headers: readonly ValueTest[], query: readonly ValueTest[]) {
    this.#method = method;
    this.#headers = headers;
    this.#query = query;
  }

  hold(facts: RequestFacts): boolean {
    if (this.#method !== null && this.#method !== facts.method) return false;
    for (const test of this.#headers) {
      if (!test.accepts(facts.header(test.name))) return false;
    }
    for (const test of this.#query) {
      if (!test.accepts(facts.queryParameter(test.name))) return false;
    }
    return true;
  }
}

/** Accepts a value that is present and, if asked, equal to `exact` or matched as a whole by `pattern`. */
class ValueTest {
  readonly name: string;
  readonly #exact: string | null;
  readonly #pattern: PathPattern | null;

  constructor(name: string, exact: string | null, pattern: PathPattern | null) {
    this.name = name;
    this.#exact = exact;
    this.#pattern = pattern;
  }

  accepts(value: string | null): boolean {
    if (value === null) return false;
    if (this.#exact !== null) return value === this.#exact;
    return this.#pattern === null || this.#pattern.matchesWhole(value);
  }
}

/** Cold. Null when a pattern among the conditions is not valid: such a rule must never hold. */
export function compileConditions(conditions: RouteConditions): CompiledConditions | null {
  const headers = compileTests(conditions.headers);
  const query = compileTests(conditions.query);
  return headers === null || query === null ? null : new CompiledConditions(conditions.method, headers, query);
}

function compileTests(matches: readonly ValueMatch[]): ValueTest[] | null {
  const tests: ValueTest[] = [];
  for (const { kind, name, value } of matches) {
    const pattern = kind === 'regex' ? compilePathPattern(value) : null;
    if (kind === 'regex' && pattern === null) return null;
    tests.push(new ValueTest(name, kind === 'exact' ? value : null, pattern));
  }
  return tests;
}
