/**
 * Answers AdmissionReviews from the newest snapshot: which of them are ours to judge, and by which rules. The compiler
 * judges Ingresses (`judge-ingress.ts`); of Services only our own annotations are looked at.
 */
import { isDeepStrictEqual } from 'node:util';
import { readServiceAnnotations } from '../config/annotations/read-annotations.ts';
import type { CompileSettings } from '../model/compile-settings.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { IngressObject, ObjectMeta, ServiceObject } from '../model/objects.ts';
import type { Problem } from '../model/problem.ts';
import { AdmissionTotals } from './admission-totals.ts';
import { IngressIndex } from './ingress-index.ts';
import { judgeIngress, type Narrowed } from './judge-ingress.ts';
import { completeObject, isBeingDeleted, type ReviewRequest, readReviewRequest } from './review-request.ts';
import { type ReviewResponse, toReviewResponse, type Verdict } from './review-response.ts';

export interface AdmissionWebhookOptions {
  readonly settings: CompileSettings;
  /** Namespaces that are watched; empty = all. */
  readonly namespaces: readonly string[];
  readonly narrowIngress: (raw: unknown) => Narrowed<IngressObject>;
  readonly narrowService: (raw: unknown) => Narrowed<ServiceObject>;
  /** Milliseconds since 1970. */
  readonly nowAt: () => number;
}

export interface ReviewAnswer {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: ReviewResponse;
}

/** Null: allowed without a word. */
type Opinion = Verdict | null;

interface Versions<T> {
  readonly before: Narrowed<T> | null;
  readonly after: Narrowed<T>;
}

const INGRESS = 'networking.k8s.io/v1 Ingress';
const SERVICE = '/v1 Service';

export class AdmissionWebhook {
  readonly totals: AdmissionTotals;
  readonly #options: AdmissionWebhookOptions;
  readonly #index: IngressIndex;
  #snapshot: ObjectSnapshot | null;

  constructor(options: AdmissionWebhookOptions) {
    this.totals = new AdmissionTotals();
    this.#options = options;
    this.#index = new IngressIndex(options.settings.annotationsPrefix);
    this.#snapshot = null;
  }

  /** False until there is something to judge by. */
  get ready(): boolean {
    return this.#snapshot !== null;
  }

  onSnapshot(snapshot: ObjectSnapshot): void {
    this.#index.update(snapshot.ingresses);
    this.#snapshot = snapshot;
  }

  /** `body`: any JSON value. `error`: it is no review, and what would have been one. Expects `ready`. */
  review(body: unknown): ReviewAnswer | { readonly error: string } {
    const request = readReviewRequest(body);
    if ('error' in request) return request;
    const opinion = this.#judge(request);
    this.totals.count(resultOf(opinion));
    const verdict = opinion ?? { faults: [], doubts: [], consequences: [] };
    const response = toReviewResponse(request.uid, verdict);
    return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
  }

  #judge(request: ReviewRequest): Opinion {
    const { operation, subResource, namespace, kind } = request;
    const { namespaces } = this.#options;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return null;
    if (subResource !== '' || isBeingDeleted(request.object)) return null;
    if (namespaces.length > 0 && !namespaces.includes(namespace)) return null;
    if (kind === INGRESS) return this.#judgeIngress(this.#narrow(request, this.#options.narrowIngress));
    if (kind === SERVICE) return judgeService(this.#narrow(request, this.#options.narrowService));
    return null;
  }

  #narrow<T>(request: ReviewRequest, narrow: (raw: unknown) => Narrowed<T>): Versions<T> {
    const nowAt = this.#options.nowAt();
    const before = request.operation === 'CREATE' ? null : request.oldObject;
    return {
      before: before === null ? null : narrow(completeObject(before, request, nowAt)),
      after: narrow(completeObject(request.object, request, nowAt)),
    };
  }

  #judgeIngress(change: Versions<IngressObject>): Opinion {
    const snapshot = this.#snapshot;
    if (snapshot === null || isUnchanged(change)) return null;
    const cluster = { snapshot, index: this.#index, settings: this.#options.settings };
    const judgement = judgeIngress(cluster, change);
    const isSilent = judgement.doubts.length === 0 && judgement.consequences.length === 0;
    return judgement.ours || !isSilent ? judgement : null;
  }
}

/** The prefix is our own, so it is looked at whether an Ingress uses the Service or not. */
function judgeService({ before, after }: Versions<ServiceObject>): Opinion {
  if (after.value === null || isUnchanged({ before, after })) return null;
  if (!Object.keys(after.value.annotations).some((key) => key.startsWith('sluice.dev/'))) return null;
  const problems = problemsOf(after.value);
  const known = new Set(before?.value ? problemsOf(before.value).map(({ message }) => message) : []);
  const isFault = ({ severity, message }: Problem): boolean => severity === 'rejected' && !known.has(message);
  return {
    faults: problems.filter(isFault),
    doubts: problems.filter((problem) => !isFault(problem)),
    consequences: [],
  };
}

function problemsOf({ namespace, name, annotations }: ServiceObject): readonly Problem[] {
  const source = { kind: 'Service', namespace, name };
  return readServiceAnnotations(annotations).faults.map(({ code, severity, key, message }) => {
    return { code, severity, source, field: `metadata.annotations[${key}]`, message, location: null };
  });
}

/** Nothing that is read of it differs: a label, a status, a finalizer. */
function isUnchanged<T extends ObjectMeta>({ before, after }: Versions<T>): boolean {
  if (before === null || before.value === null || after.value === null) return false;
  return isDeepStrictEqual({ ...before.value, resourceVersion: '' }, { ...after.value, resourceVersion: '' });
}

function resultOf(opinion: Opinion): 'ignored' | 'denied' | 'warned' | 'allowed' {
  if (opinion === null) return 'ignored';
  if (opinion.faults.length > 0) return 'denied';
  return opinion.doubts.length + opinion.consequences.length > 0 ? 'warned' : 'allowed';
}
