/** Logs each problem once when it appears and once when it is gone, with the place it stands at. */
import type { Logger } from '../log/logger.ts';
import type { FileLocation, ObjectRef } from '../model/object-ref.ts';
import { formatRef } from '../model/object-ref.ts';
import type { Problem } from '../model/problem.ts';

export type Locate = (source: ObjectRef, field: string) => FileLocation | null;

/** More than this many at once are counted, not printed: a storm of problems must not become a storm of lines. */
const MAX_LINES = 100;

export class ProblemReporter {
  readonly #logger: Logger;
  readonly #locate: Locate;
  #known: ReadonlyMap<string, Problem>;
  /** The list `#known` was made of. */
  #reported: readonly Problem[] | null;

  constructor(logger: Logger, locate: Locate) {
    this.#logger = logger;
    this.#locate = locate;
    this.#known = new Map();
    this.#reported = null;
  }

  /** The problems of the configuration in force. */
  report(problems: readonly Problem[]): void {
    if (problems === this.#reported) return;
    this.#reported = problems;
    const current = new Map(problems.map((problem) => [toKey(problem), problem]));
    let lines = 0;
    for (const [key, problem] of current) {
      if (this.#known.has(key)) continue;
      if (++lines <= MAX_LINES) this.#logger.warn('configuration problem', this.#fields(problem));
    }
    if (lines > MAX_LINES) this.#logger.warn('more configuration problems', { notPrinted: lines - MAX_LINES });
    for (const [key, problem] of this.#known) {
      if (!current.has(key)) this.#logger.info('configuration problem solved', this.#fields(problem));
    }
    this.#known = current;
  }

  /** The problems of an edit that was refused as a whole. */
  reportEdit(problems: readonly Problem[], somethingRuns: boolean): void {
    for (const problem of problems.slice(0, MAX_LINES)) {
      this.#logger[problem.severity === 'rejected' ? 'error' : 'warn']('configuration problem', this.#fields(problem));
    }
    const consequence = somethingRuns ? 'configuration refused, the running one stays' : 'configuration refused';
    this.#logger.error(consequence, { problems: problems.length });
  }

  #fields(problem: Problem): Record<string, unknown> {
    const at = problem.location ?? this.#locate(problem.source, problem.field);
    return {
      code: problem.code,
      severity: problem.severity,
      source: formatRef(problem.source),
      field: problem.field,
      problem: problem.message,
      ...(at === null ? {} : { at: `${at.file}:${at.line}:${at.column}` }),
    };
  }
}

function toKey(problem: Problem): string {
  return [problem.code, formatRef(problem.source), problem.field, problem.message].join('\u0000');
}
