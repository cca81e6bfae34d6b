/**
 * What is to be said of an Ingress that somebody wants to create or change: the words of the compiler, found by compiling
 * it together with the few Ingresses that matter to it. Nothing here is decided twice.
 */
import { compile } from '../config/compile.ts';
import { isOurs } from '../config/ingress-class.ts';
import type { CompileSettings } from '../model/compile-settings.ts';
import { formatRef } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { IngressObject } from '../model/objects.ts';
import type { Problem, ProblemCode } from '../model/problem.ts';
import type { IngressIndex } from './ingress-index.ts';
import { findRelated } from './related-ingresses.ts';

/** An object as it was narrowed; `value` null = it could not be read at all. */
export interface Narrowed<T> {
  readonly value: T | null;
  readonly problems: readonly Problem[];
}

export interface IngressChange {
  /** Null: it is created. */
  readonly before: Narrowed<IngressObject> | null;
  readonly after: Narrowed<IngressObject>;
}

export interface Cluster {
  readonly snapshot: ObjectSnapshot;
  /** Of the Ingresses of `snapshot`. */
  readonly index: IngressIndex;
  readonly settings: CompileSettings;
}

export interface Judgement {
  /** False: it is the business of another controller. */
  readonly ours: boolean;
  /** Wrong in itself, whatever else the cluster holds, and not wrong already before the change: a reason to refuse it. */
  readonly faults: readonly Problem[];
  /** Everything else that the compiler would report of the object. */
  readonly doubts: readonly Problem[];
  /** What it would newly report of other Ingresses: who loses a path to this one, which canary loses its partner. */
  readonly consequences: readonly Problem[];
}

const NO_OPINION: Judgement = { ours: false, faults: [], doubts: [], consequences: [] };

/** Objects arrive in any order, and those that are missing now may be the next to come. */
const MAY_HEAL: ReadonlySet<ProblemCode> = new Set(['class-not-found', 'reference-not-found', 'port-not-found']);

/** What a change can do to others: both depend on the routes of a host alone. */
const CONSEQUENCES: ReadonlySet<ProblemCode> = new Set(['path-conflict', 'canary-invalid']);

export function judgeIngress(cluster: Cluster, { before, after }: IngressChange): Judgement {
  const ingress = after.value;
  const previous = before?.value ?? null;
  if (ingress === null) return NO_OPINION;
  const { index, settings, snapshot } = cluster;
  const classes = snapshot.ingressClasses;
  const ours = isOurs(ingress, classes, settings);
  const wasOurs = previous !== null && isOurs(previous, classes, settings);
  if (!ours && !wasOurs) return { ...NO_OPINION, doubts: compileAlone(cluster, ingress) };
  const versions = [ingress, ...(previous === null ? [] : [previous])].map((object) => index.describe(object));
  const related = findRelated({ index, classes, settings }, versions);
  const problems = compileWith(cluster, related, ingress);
  const own = ours ? [...after.problems, ...problems.filter(isAbout(ingress))] : problems.filter(isAbout(ingress));
  const faults = ours ? findFaults(cluster, { before, after }, ingress) : [];
  const faultKeys = new Set(faults.map(toKey));
  return {
    ours,
    faults,
    doubts: own.filter((problem) => !faultKeys.has(toKey(problem))),
    consequences: findConsequences(problems, compileWith(cluster, related, previous), ingress),
  };
}

/** An object that was wrong before may be changed, and be mended one fault at a time: else nobody could take a finalizer off it. */
function findFaults(cluster: Cluster, { before, after }: IngressChange, ingress: IngressObject): readonly Problem[] {
  const faults = [...after.problems, ...compileAlone(cluster, ingress)].filter(isLasting);
  if (faults.length === 0 || before === null) return faults;
  const known = before.value === null ? [] : compileAlone(cluster, before.value);
  // Without the field: taking one of two rules away moves the other.
  const knownKeys = new Set([...before.problems, ...known].filter(isLasting).map(toContentKey));
  return faults.filter((problem) => !knownKeys.has(toContentKey(problem)));
}

function isLasting({ severity, code }: Problem): boolean {
  return severity === 'rejected' && !MAY_HEAL.has(code);
}

function findConsequences(
  after: readonly Problem[],
  before: readonly Problem[],
  ingress: IngressObject,
): readonly Problem[] {
  const known = new Set(before.map(toKey));
  const isOwn = isAbout(ingress);
  return after.filter((problem) => CONSEQUENCES.has(problem.code) && !isOwn(problem) && !known.has(toKey(problem)));
}

/** Without anything it refers to. */
function compileAlone(cluster: Cluster, ingress: IngressObject): readonly Problem[] {
  const { problems } = compile(
    { ...reduce(cluster.snapshot, new Map([[ingress.key, ingress]])), services: new Map(), tlsSecrets: new Map() },
    cluster.settings,
  );
  return problems.filter(isAbout(ingress));
}

/** `ingress` null: without it. */
function compileWith(
  { snapshot, settings }: Cluster,
  related: ReadonlyMap<string, IngressObject>,
  ingress: IngressObject | null,
): readonly Problem[] {
  const ingresses = ingress === null ? related : new Map([...related, [ingress.key, ingress]]);
  return compile(reduce(snapshot, ingresses), settings).problems;
}

/** Endpoints decide nothing that is reported, and there can be thousands of them. */
function reduce(snapshot: ObjectSnapshot, ingresses: ReadonlyMap<string, IngressObject>): ObjectSnapshot {
  return { ...snapshot, ingresses, endpointSlices: new Map(), problems: [] };
}

function isAbout({ namespace, name }: IngressObject): (problem: Problem) => boolean {
  return ({ source }) => source.kind === 'Ingress' && source.name === name && source.namespace === namespace;
}

function toKey(problem: Problem): string {
  return `${formatRef(problem.source)}\n${problem.field}\n${toContentKey(problem)}`;
}

function toContentKey({ code, severity, message }: Problem): string {
  return `${code}\n${severity}\n${message}`;
}
