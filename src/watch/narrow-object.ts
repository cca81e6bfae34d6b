/**
 * What narrowing shares over all kinds: reading untyped JSON without trust, object metadata, and collecting Problems.
 * The rules of one kind live in `narrow-<kind>.ts`.
 */
import { type ObjectRef, toObjectKey } from '../model/object-ref.ts';
import type { ObjectMeta } from '../model/objects.ts';
import type { Problem, ProblemCode, ProblemSeverity } from '../model/problem.ts';
import { isDnsLabel, isObjectName } from './dns-name.ts';

/** `value` null: the object is not served, for the reasons in `problems`, or is none of ours when there are none. */
export interface NarrowResult<T> {
  readonly value: T | null;
  readonly problems: readonly Problem[];
}

/** Nothing of interest in the object, and nothing to complain about. */
export const IGNORED: NarrowResult<never> = { value: null, problems: [] };

export type JsonRecord = Readonly<Record<string, unknown>>;

/** One object full of faults must not fill the memory with descriptions of them. */
const MAX_PROBLEMS = 50;
const MAX_SHOWN = 80;
const MAX_ANNOTATION_BYTES = 262_144;
const MAX_FIELD_LENGTH = 4_096;

/** Not read by anyone, and often the largest part of an object. */
const DROPPED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Absent: `undefined`, or the `null` that the API server serves for empty lists and unset fields. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** `value` as text, `fallback` when absent or not a string or absurdly long. */
export function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' && value.length <= MAX_FIELD_LENGTH ? value : fallback;
}

/** A short, harmless picture of `value` for messages. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return value.length > MAX_SHOWN ? `${JSON.stringify(value.slice(0, MAX_SHOWN))}…` : JSON.stringify(value);
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (isAbsent(value)) return 'nothing';
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`;
}

/** Collects the Problems of one object, up to a bound. */
export class ProblemSink {
  readonly #source: ObjectRef;
  readonly #problems: Problem[] = [];
  #omitted = 0;

  constructor(source: ObjectRef) {
    this.#source = source;
  }

  /** What `field` names is not served. */
  reject(code: ProblemCode, field: string, message: string): void {
    this.#add('rejected', code, field, message);
  }

  /** What `field` names is served, but not as written. */
  warn(code: ProblemCode, field: string, message: string): void {
    this.#add('warning', code, field, message);
  }

  /** A list that may be absent; anything else costs what `field` names. */
  list(value: unknown, field: string): readonly unknown[] {
    if (Array.isArray(value)) return value;
    if (!isAbsent(value)) this.reject('object-invalid', field, `is ${show(value)}; expected a list`);
    return [];
  }

  result<T>(value: T | null): NarrowResult<T> {
    const [first] = this.#problems;
    if (first === undefined || this.#omitted === 0) return { value, problems: this.#problems };
    const message = `has ${this.#omitted} more problems that are not listed`;
    return { value, problems: [...this.#problems, { ...first, field: '', message }] };
  }

  #add(severity: ProblemSeverity, code: ProblemCode, field: string, message: string): void {
    if (this.#problems.length >= MAX_PROBLEMS) {
      this.#omitted++;
      return;
    }
    this.#problems.push({ code, severity, source: this.#source, field, message, location: null });
  }
}

/** One untyped object, opened: its kind is right, its metadata is readable. */
export interface OpenedObject {
  readonly raw: JsonRecord;
  readonly meta: ObjectMeta;
  readonly metadata: JsonRecord;
  readonly sink: ProblemSink;
}

export interface KindRule {
  readonly kind: string;
  readonly apiVersion: string;
  readonly namespaced: boolean;
}

/**
 * Checks what every object must have. Members of API lists lack `apiVersion` and `kind`: absent ones are taken to be right.
 * A missing namespace is `default`, as kubectl has it.
 */
export function openObject(input: unknown, rule: KindRule): OpenedObject | NarrowResult<never> {
  const metadata = isRecord(input) && isRecord(input['metadata']) ? input['metadata'] : {};
  const name = metadata['name'];
  const namespace = rule.namespaced ? namespaceOf(metadata) : '';
  const source = toRef(input, rule.kind, rule.namespaced);
  const sink = new ProblemSink(source);
  if (!isRecord(input)) {
    sink.reject('object-invalid', '', `is ${show(input)}; expected an object`);
  } else if (!isAbsent(input['apiVersion']) && input['apiVersion'] !== rule.apiVersion) {
    sink.reject('object-invalid', 'apiVersion', `is ${show(input['apiVersion'])}; write ${rule.apiVersion}`);
  } else if (!isAbsent(input['kind']) && input['kind'] !== rule.kind) {
    sink.reject('object-invalid', 'kind', `is ${show(input['kind'])}; expected ${rule.kind}`);
  } else if (typeof name !== 'string' || !isObjectName(name)) {
    sink.reject('object-invalid', 'metadata.name', `is ${show(name)}; expected a lower-case DNS name`);
  } else if (rule.namespaced && (typeof namespace !== 'string' || !isDnsLabel(namespace))) {
    sink.reject('object-invalid', 'metadata.namespace', `is ${show(namespace)}; expected a lower-case DNS label`);
  } else {
    const meta = toMeta(source, metadata);
    return { raw: input, meta, metadata, sink };
  }
  return sink.result<never>(null);
}

/** What `input` calls itself, as far as that is readable. */
export function toRef(input: unknown, kind: string, namespaced: boolean): ObjectRef {
  const metadata = isRecord(input) && isRecord(input['metadata']) ? input['metadata'] : {};
  const namespace = namespaced ? textOr(namespaceOf(metadata), '') : '';
  return { kind, namespace, name: textOr(metadata['name'], '') };
}

export function isOpened(opened: OpenedObject | NarrowResult<never>): opened is OpenedObject {
  return 'raw' in opened;
}

function namespaceOf(metadata: JsonRecord): unknown {
  const namespace = metadata['namespace'];
  return isAbsent(namespace) || namespace === '' ? 'default' : namespace;
}

function toMeta(source: ObjectRef, metadata: JsonRecord): ObjectMeta {
  return {
    key: toObjectKey(source.namespace, source.name),
    namespace: source.namespace,
    name: source.name,
    uid: textOr(metadata['uid'], ''),
    resourceVersion: textOr(metadata['resourceVersion'], ''),
  };
}

/** Annotations as text. The map has no prototype: `__proto__` and `constructor` are keys like any other. */
export function narrowAnnotations(opened: OpenedObject): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = Object.create(null);
  const raw = opened.metadata['annotations'];
  if (isAbsent(raw)) return annotations;
  if (!isRecord(raw)) {
    opened.sink.warn('annotation-invalid', 'metadata.annotations', `is ${show(raw)}; expected a map of texts`);
    return annotations;
  }
  for (const [key, value] of Object.entries(raw)) {
    if (key === DROPPED_ANNOTATION) continue;
    const field = `metadata.annotations[${show(key).slice(1, -1)}]`;
    // A value that cannot be used keeps its key: an access rule must close its route, not vanish from it.
    if (typeof value !== 'string') {
      opened.sink.warn('annotation-invalid', field, `is ${show(value)}; annotation values are texts, put it in quotes`);
      annotations[key] = typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
    } else if (key.length + value.length > MAX_ANNOTATION_BYTES) {
      opened.sink.warn('annotation-invalid', field, `has ${value.length} characters; at most ${MAX_ANNOTATION_BYTES}`);
      annotations[key] = '';
    } else {
      annotations[key] = value;
    }
  }
  return annotations;
}
