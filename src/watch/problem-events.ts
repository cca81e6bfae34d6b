/** Which Events the state of the configuration calls for: one warning for each problem of an object that is our business. */
import type { ObjectKey, ObjectRef } from '../model/object-ref.ts';
import { toObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { ObjectMeta } from '../model/objects.ts';
import { PROBLEM_CODES, type Problem, type ProblemCode } from '../model/problem.ts';
import type { EventNotice, EventSubject } from './event-object.ts';
import type { IngressRecord } from './ingress-record.ts';

export interface ProblemScope {
  readonly snapshot: ObjectSnapshot;
  /** Of an Ingress that is ours by its class, served or not; null for all others. */
  readonly ingress: (key: ObjectKey) => IngressRecord | null;
}

const REASONS: ReadonlyMap<ProblemCode, string> = new Map(PROBLEM_CODES.map((code) => [code, toReason(code)]));

/**
 * Problems of what the source could not read are told on Ingresses alone: a Secret nobody may ever have meant for us is full of
 * them. What the compiler found, it found because an Ingress of ours led there.
 */
export function toProblemNotices(problems: readonly Problem[], scope: ProblemScope): readonly EventNotice[] {
  const fromSource = new Set(scope.snapshot.problems);
  return problems.flatMap((problem): readonly EventNotice[] => {
    if (fromSource.has(problem) && problem.source.kind !== 'Ingress') return [];
    const subject = findSubject(problem.source, scope);
    if (subject === null) return [];
    const note = problem.field === '' ? problem.message : `${problem.field}: ${problem.message}`;
    return [{ type: 'Warning', reason: REASONS.get(problem.code) ?? '', note, subject }];
  });
}

/** `annotation-invalid` → `AnnotationInvalid`. */
function toReason(code: ProblemCode): string {
  return code.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export function toIngressSubject(source: ObjectRef, { uid, resourceVersion }: IngressRecord): EventSubject {
  return { apiVersion: 'networking.k8s.io/v1', ...source, uid, resourceVersion };
}

/** Null for what is no object of the cluster, or is not there (any more). */
function findSubject(source: ObjectRef, { snapshot, ingress }: ProblemScope): EventSubject | null {
  const key = toObjectKey(source.namespace, source.name);
  if (source.kind === 'Ingress') {
    const record = ingress(key);
    return record === null || record.uid === '' ? null : toIngressSubject(source, record);
  }
  const found: ObjectMeta | undefined =
    source.kind === 'Service'
      ? snapshot.services.get(key)
      : source.kind === 'Secret'
        ? snapshot.tlsSecrets.get(key)
        : undefined;
  if (found === undefined || found.uid === '') return null;
  return { apiVersion: 'v1', ...source, uid: found.uid, resourceVersion: found.resourceVersion };
}
