/**
 * Reads all annotations of one Ingress: applies those that have a spec, and reports the rest as unsupported, as closing
 * the routes, or as unknown with the nearest known name.
 */
import { findCookieFault } from '../../model/cookie-prefix.ts';
import type { ProblemCode, ProblemSeverity } from '../../model/problem.ts';
import { combineHealthCheck } from '../combine-health-check.ts';
import { findLaneCookieFault } from '../combine-lane.ts';
import { combineMirror } from '../combine-mirror.ts';
import { combinePassiveHealth } from '../combine-passive-health.ts';
import { combineRelease } from '../combine-release.ts';
import { classifyUnsupported, UNSUPPORTED_NAMES } from './catalogue.ts';
import type { AnnotationSpec } from './define.ts';
import { ANNOTATIONS } from './index.ts';
import { createIngressSettings, type IngressSettings, type UpstreamSettings } from './ingress-settings.ts';
import { boolean } from './parsers.ts';
import { suggestName } from './suggest.ts';

export interface AnnotationFault {
  readonly code: ProblemCode;
  readonly severity: ProblemSeverity;
  /** The whole key, with prefix. */
  readonly key: string;
  readonly message: string;
}

export interface ReadAnnotations {
  readonly settings: IngressSettings;
  readonly faults: readonly AnnotationFault[];
}

export interface ReadServiceAnnotations {
  readonly settings: UpstreamSettings;
  readonly faults: readonly AnnotationFault[];
}

const SPECS: ReadonlyMap<string, AnnotationSpec> = specsOf(false);
const OWN_SPECS: ReadonlyMap<string, AnnotationSpec> = specsOf(true);
const KNOWN_NAMES: readonly string[] = [...SPECS.keys(), ...UNSUPPORTED_NAMES];
const OWN_NAMES: readonly string[] = [...OWN_SPECS.keys()];
const OWN_PREFIX = 'sluice.dev/';

/** One object full of unknown names must not cost a search for each of them. */
const MAX_SUGGESTIONS = 16;

/** On an ordinary Ingress: the switch itself says so, and the state was written by us while it still was a canary. */
const QUIET_STRAYS: ReadonlySet<string> = new Set(['canary', 'canary-state']);

/** Settings that switch a restriction off ask for nothing. */
const SWITCHES: ReadonlySet<string> = new Set(['enable-modsecurity', 'enable-owasp-core-rules']);

/** `prefix` without the slash. */
export function readAnnotations(annotations: Readonly<Record<string, string>>, prefix: string): ReadAnnotations {
  const reading = new Reading(`${prefix}/`);
  for (const [key, value] of ownAnnotations(annotations, prefix)) reading.add(key, value);
  return reading.finish();
}

/** Those that count. Sorted, so that the same ones in another order give the same Problems. */
export function ownAnnotations(
  annotations: Readonly<Record<string, string>>,
  prefix: string,
): readonly (readonly [key: string, value: string])[] {
  const ours = Object.keys(annotations).filter((key) => key.startsWith(`${prefix}/`) || key.startsWith(OWN_PREFIX));
  return ours.toSorted().map((key) => [key, annotations[key] ?? '']);
}

/**
 * What a Service says of the upstreams made of it. Only our own names count there: those of the dialect belong on an
 * Ingress, and a Service may carry anything else for other programs.
 */
export function readServiceAnnotations(annotations: Readonly<Record<string, string>>): ReadServiceAnnotations {
  const ours = Object.keys(annotations).filter((key) => key.startsWith(OWN_PREFIX));
  const reading = new Reading(OWN_PREFIX);
  for (const key of ours.toSorted()) reading.addToService(key, annotations[key] ?? '');
  const { settings, faults } = reading.finish();
  return { settings: settings.upstream, faults };
}

class Reading {
  readonly #prefix: string;
  readonly #settings: IngressSettings = createIngressSettings();
  readonly #unsupported: { readonly key: string; readonly isSecurity: boolean }[] = [];
  readonly #faults: AnnotationFault[] = [];
  readonly #written = new Set<AnnotationSpec>();
  /** Without prefix, of annotations that are not empty. */
  readonly #ownNames: string[] = [];
  readonly #dialectNames: string[] = [];
  #suggestions = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  add(key: string, text: string): void {
    if (!key.startsWith(this.#prefix)) return this.#addOwn(key, key.slice(OWN_PREFIX.length), text);
    const name = key.slice(this.#prefix.length);
    const spec = SPECS.get(name);
    if (spec !== undefined) return this.#addKnown(key, spec, text);
    const kind = classifyUnsupported(name);
    if (kind === 'unknown') return this.#addUnknown(key, name, this.#prefix, KNOWN_NAMES);
    if (text.trim() === '' || (SWITCHES.has(name) && isFalse(text))) return;
    this.#unsupported.push({ key, isSecurity: kind === 'security' });
  }

  addToService(key: string, text: string): void {
    const name = key.slice(OWN_PREFIX.length);
    const spec = OWN_SPECS.get(name);
    if (spec === undefined || spec.scope === 'upstream') return this.#addOwn(key, name, text);
    const message = `annotation "${key}" has no effect on a service; it counts on an ingress`;
    this.#faults.push({ code: 'annotation-unsupported', severity: 'warning', key, message });
  }

  #addOwn(key: string, name: string, text: string): void {
    const spec = OWN_SPECS.get(name);
    if (spec === undefined) this.#addUnknown(key, name, OWN_PREFIX, OWN_NAMES);
    else this.#addKnown(key, spec, text);
  }

  #addKnown(key: string, spec: AnnotationSpec, text: string): void {
    this.#written.add(spec);
    // Empty counts as absent, as it always has in this dialect.
    if (text.trim() === '') return;
    (spec.own ? this.#ownNames : this.#dialectNames).push(spec.key);
    const expected = spec.read(this.#settings, text);
    if (expected === null) return;
    if (spec.guards) {
      const fault = `value "${shorten(text)}" is not valid: ${expected}; every route of this ingress answers 503`;
      this.#faults.push({ code: 'annotation-invalid', severity: 'rejected', key, message: fault });
      this.#settings.policy.closed ??= { status: 503, reason: `annotation ${key} is not valid` };
      return;
    }
    const message = `value "${shorten(text)}" is not valid, so ${spec.otherwise}: ${expected}`;
    this.#faults.push({ code: 'annotation-invalid', severity: spec.severity, key, message });
  }

  #addUnknown(key: string, name: string, prefix: string, known: readonly string[]): void {
    const nearest = this.#suggestions++ < MAX_SUGGESTIONS ? suggestName(name, known) : null;
    const advice = nearest === null ? '' : `; did you mean ${prefix}${nearest}`;
    const message = `annotation "${shorten(key)}" is unknown and has no effect${advice}`;
    this.#faults.push({ code: 'annotation-unsupported', severity: 'warning', key, message });
  }

  #finishHealthCheck(): void {
    const { check, faults } = combineHealthCheck(this.#settings.healthCheck, this.#ownNames);
    if (check !== null) this.#settings.upstream.healthCheck = check;
    for (const { name, message } of faults) {
      this.#faults.push({ code: 'annotation-invalid', severity: 'warning', key: `${OWN_PREFIX}${name}`, message });
    }
  }

  finish(): ReadAnnotations {
    const isCanary = this.#settings.canary.enabled;
    combine(this.#settings);
    for (const { key, isSecurity } of this.#unsupported) {
      this.#faults.push(isSecurity ? securityFault(key, isCanary) : unsupportedFault(key));
      if (isSecurity) this.#settings.policy.closed ??= { status: 503, reason: `annotation ${key} is not supported` };
    }
    if (!isCanary) {
      const keys = new Set(Array.from(this.#written, (spec) => spec.key));
      for (const spec of this.#written) {
        if (spec.scope === 'canary' && !QUIET_STRAYS.has(spec.key))
          this.#faults.push(strayCanaryFault(this.#prefix, spec));
        if (spec.needs !== '' && !keys.has(spec.needs)) this.#faults.push(loneFault(this.#prefix, spec));
      }
    }
    if (isCanary) this.#finishRelease();
    this.#finishAffinity();
    // On a canary nobody asks for the cookie: it is that of the route.
    if (!isCanary) this.#finishLane();
    this.#finishHealthCheck();
    this.#finishPassiveHealth();
    return { settings: this.#settings, faults: this.#faults };
  }

  #finishAffinity(): void {
    const { affinity } = this.#settings.policy;
    const message = affinity === null ? '' : findCookieFault(affinity.name, affinity.domain, affinity.path);
    if (message === '') return;
    const key = `${this.#prefix}session-cookie-name`;
    this.#faults.push({ code: 'annotation-invalid', severity: 'warning', key, message });
  }

  #finishLane(): void {
    const message = findLaneCookieFault(this.#settings.lane, this.#settings.policy.affinity);
    if (message === '') return;
    this.#faults.push({ code: 'annotation-invalid', severity: 'warning', key: `${OWN_PREFIX}lane-cookie`, message });
  }

  #finishRelease(): void {
    const { canary, release } = this.#settings;
    const combined = combineRelease(release, this.#ownNames);
    canary.release = combined.release;
    if (combined.refusesShare) canary.weight = 0;
    for (const { code, name, message } of combined.faults) {
      this.#faults.push({ code, severity: 'warning', key: `${OWN_PREFIX}${name}`, message });
    }
    if (release.plan === null) return;
    const message = `has no effect beside ${OWN_PREFIX}canary-plan, whose steps say the share`;
    for (const name of ['canary-weight', 'canary-weight-total']) {
      if (!this.#dialectNames.includes(name)) continue;
      this.#faults.push({ code: 'canary-invalid', severity: 'warning', key: `${this.#prefix}${name}`, message });
    }
  }

  #finishPassiveHealth(): void {
    const { upstream, faults } = combinePassiveHealth(this.#settings.passiveHealth, this.#ownNames);
    Object.assign(this.#settings.upstream, upstream);
    for (const { name, message } of faults) {
      this.#faults.push({ code: 'annotation-invalid', severity: 'warning', key: `${OWN_PREFIX}${name}`, message });
    }
  }
}

function specsOf(own: boolean): ReadonlyMap<string, AnnotationSpec> {
  return new Map(ANNOTATIONS.filter((spec) => spec.own === own).map((spec) => [spec.key, spec]));
}

/** The routes belong to the Ingress that a canary accompanies: what guards them must stand there. */
function securityFault(key: string, isCanary: boolean): AnnotationFault {
  return isCanary
    ? {
        code: 'security-unsupported',
        severity: 'warning',
        key,
        message: `annotation "${key}" has no effect on a canary ingress; it counts on the ingress the canary accompanies`,
      }
    : {
        code: 'security-unsupported',
        severity: 'rejected',
        key,
        message: `annotation "${key}" restricts access and is not supported, so every route of this ingress answers 503; remove it to serve without the restriction`,
      };
}

function unsupportedFault(key: string): AnnotationFault {
  const message = `annotation "${key}" is not supported and has no effect`;
  return { code: 'annotation-unsupported', severity: 'warning', key, message };
}

function strayCanaryFault(prefix: string, spec: AnnotationSpec): AnnotationFault {
  const key = `${spec.own ? OWN_PREFIX : prefix}${spec.key}`;
  const message = `annotation "${key}" has no effect without ${prefix}canary: "true"; this is an ordinary ingress`;
  return { code: 'canary-invalid', severity: 'warning', key, message };
}

/** On a canary it is nobody's mistake: tools make canaries by copying the whole Ingress. */
function loneFault(prefix: string, spec: AnnotationSpec): AnnotationFault {
  const key = `${spec.own ? OWN_PREFIX : prefix}${spec.key}`;
  const needed = OWN_SPECS.has(spec.needs) ? OWN_PREFIX : prefix;
  const message = `annotation "${key}" has no effect without ${needed}${spec.needs}`;
  return { code: 'annotation-unsupported', severity: 'warning', key, message };
}

/** What several annotations say together. */
function combine({ affinity, hashing, mirror, policy, upstream }: IngressSettings): void {
  policy.mirror = combineMirror(mirror);
  const { enabled, ...cookie } = affinity;
  if (enabled) policy.affinity = cookie;
  const { keyTemplate, inSubsets, subsetSize, boundPercent } = hashing;
  if (keyTemplate === '' && boundPercent === 0) return;
  upstream.hashing = { keyTemplate, subsetSize: inSubsets ? subsetSize : 0, boundPercent };
}

function isFalse(text: string): boolean {
  const parsed = boolean(text);
  return 'value' in parsed && !parsed.value;
}

/** Messages go to logs and Events, which more people read than the object: passwords in addresses are left out. */
function shorten(text: string): string {
  const shown = text.replaceAll(/\/\/[^/?#\s]*@/g, '//…@');
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}
