/** Collects the Problems of one static configuration file, each with its place in the file. */
import type { FileLocation, ObjectRef } from '../model/object-ref.ts';
import type { Problem, ProblemCode, ProblemSeverity } from '../model/problem.ts';
import type { YamlDocument } from './yaml-document.ts';

export interface Fault {
  readonly code: ProblemCode;
  /** `rejected` unless said otherwise. */
  readonly severity?: ProblemSeverity;
  readonly field: string;
  readonly message: string;
  /** Point at the key rather than its value. */
  readonly atKey?: boolean;
}

export function staticRef(file: string): ObjectRef {
  return { kind: 'StaticConfig', namespace: '', name: file };
}

export class StaticProblems {
  readonly #source: ObjectRef;
  readonly #document: YamlDocument;
  readonly #problems: Problem[] = [];

  constructor(file: string, document: YamlDocument) {
    this.#source = staticRef(file);
    this.#document = document;
  }

  add(fault: Fault): void {
    const { code, severity = 'rejected', field, message } = fault;
    const location = this.#document.locate(field, fault.atKey === true ? 'key' : 'value');
    this.#problems.push({ code, severity, source: this.#source, field, message, location });
  }

  /** In the order of the file. */
  list(): readonly Problem[] {
    return this.#problems.toSorted((a, b) => compareLocations(a.location, b.location));
  }

  get hasRejections(): boolean {
    return this.#problems.some((problem) => problem.severity === 'rejected');
  }
}

function compareLocations(a: FileLocation | null, b: FileLocation | null): number {
  return (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0);
}

/** `['routes', 0, 'path']` → `routes[0].path`. */
export function formatField(path: readonly PropertyKey[]): string {
  let field = '';
  for (const part of path) {
    if (typeof part === 'number') field += `[${part}]`;
    else field += field === '' ? String(part) : `.${String(part)}`;
  }
  return field;
}
