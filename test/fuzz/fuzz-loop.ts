/** The fuzzing loop: makes inputs, has them judged, keeps the ones that led somewhere new, and counts. */
import type { Finding } from './finding.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { minimise } from './minimise.ts';
import { Mutator } from './mutator.ts';
import { Random } from './random.ts';

export interface FuzzFailure {
  readonly label: string;
  readonly reproducer: Buffer;
  readonly readings: string;
}

export interface FuzzReport {
  executions: number;
  seconds: number;
  /** Inputs that were treated in a way no other was. */
  novel: number;
  /** Executions by kind and label of what was found. */
  readonly classes: Map<string, number>;
  readonly failures: FuzzFailure[];
}

export interface FuzzLimits {
  readonly seconds: number;
  /** 0: as many as the time allows. */
  readonly executions: number;
}

const MAX_FAILURES = 5;
const MAX_TRIALS = 4_000;
const CLOCK_EVERY = 256;

export function fuzz(target: FuzzTarget, seeds: readonly Buffer[], seed: number, limits: FuzzLimits): FuzzReport {
  const random = new Random(seed);
  const mutator = new Mutator(random, seeds, target.dictionary);
  const report: FuzzReport = { executions: 0, seconds: 0, novel: 0, classes: new Map(), failures: [] };
  const known = new Set<string>();
  const startMs = performance.now();
  const endMs = startMs + limits.seconds * 1_000;
  const maxExecutions = limits.executions === 0 ? Number.POSITIVE_INFINITY : limits.executions;
  while (report.executions < maxExecutions && report.failures.length < MAX_FAILURES) {
    if (report.executions % CLOCK_EVERY === 0 && performance.now() >= endMs) break;
    const input = mutator.next();
    const finding = target.judge(input, random);
    report.executions++;
    const label = finding.kind === 'failure' ? 'failure' : `${finding.kind}: ${finding.label}`;
    report.classes.set(label, (report.classes.get(label) ?? 0) + 1);
    const signature = finding.kind === 'failure' ? withoutNumbers(finding.label) : `${label} ${target.signature}`;
    if (known.has(signature)) continue;
    known.add(signature);
    report.novel++;
    if (finding.kind === 'failure') report.failures.push(reproduce(target, Buffer.from(input), finding));
    else mutator.remember(input);
  }
  report.seconds = (performance.now() - startMs) / 1_000;
  return report;
}

/** Failures are one and the same if only their positions differ. */
function withoutNumbers(label: string): string {
  return label.replace(/\d+(, \d+)*/g, '#').replace(/".*"/s, '');
}

function reproduce(target: FuzzTarget, input: Buffer, finding: Finding): FuzzFailure {
  const wanted = withoutNumbers(finding.label);
  const fails = (candidate: Buffer): boolean => {
    const { kind, label } = target.judgeThoroughly(candidate);
    return kind === 'failure' && withoutNumbers(label) === wanted;
  };
  // Only a split with several cuts fails: there is nothing smaller to be sure of.
  if (!fails(input)) return { label: finding.label, reproducer: input, readings: 'not reproduced by a single cut' };
  const reproducer = minimise(input, fails, MAX_TRIALS);
  const { label } = target.judgeThoroughly(reproducer);
  return { label, reproducer, readings: target.readings };
}
