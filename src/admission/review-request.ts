/** Reads an `admission.k8s.io/v1` AdmissionReview without trust. What is asked of us is decided in `admission-webhook.ts`. */

export interface ReviewRequest {
  /** Repeated in the answer. */
  readonly uid: string;
  /** `group/version kind` that the object was converted to, which may not be what the user wrote. */
  readonly kind: string;
  /** Empty for the object itself. */
  readonly subResource: string;
  /** `CREATE`, `UPDATE`, `DELETE` or `CONNECT`. */
  readonly operation: string;
  readonly namespace: string;
  /** Empty where the API server is still to make one. */
  readonly name: string;
  /** Untyped; null when absent. */
  readonly object: unknown;
  readonly oldObject: unknown;
}

type JsonRecord = Readonly<Record<string, unknown>>;

const API_VERSION = 'admission.k8s.io/v1';
/** Far more than any of the texts can be in the API. */
const MAX_LENGTH = 1_024;

/** `error`: what would have been right. */
export function readReviewRequest(body: unknown): ReviewRequest | { readonly error: string } {
  if (!isRecord(body) || body['apiVersion'] !== API_VERSION || body['kind'] !== 'AdmissionReview') {
    return { error: `expected an AdmissionReview of ${API_VERSION}` };
  }
  const request = body['request'];
  if (!isRecord(request)) return { error: 'expected a request in the AdmissionReview' };
  const uid = textOf(request['uid']);
  if (uid === '') return { error: `expected request.uid, a text of at most ${MAX_LENGTH} characters` };
  const kind = isRecord(request['kind']) ? request['kind'] : {};
  return {
    uid,
    kind: `${textOf(kind['group'])}/${textOf(kind['version'])} ${textOf(kind['kind'])}`,
    subResource: textOf(request['subResource']),
    operation: textOf(request['operation']),
    namespace: textOf(request['namespace']),
    name: textOf(request['name']),
    object: request['object'] ?? null,
    oldObject: request['oldObject'] ?? null,
  };
}

/**
 * The object with what the API server may not have filled in yet: its name and namespace, and (`nowAt` in milliseconds
 * since 1970) the time of its creation, without which it would count as older than all others.
 */
export function completeObject(object: unknown, { namespace, name }: ReviewRequest, nowAt: number): unknown {
  if (!isRecord(object) || !isRecord(object['metadata'])) return object;
  const { metadata } = object;
  return {
    ...object,
    metadata: {
      ...metadata,
      namespace: metadata['namespace'] ?? namespace,
      name: metadata['name'] ?? (name === '' ? `${textOf(metadata['generateName'])}0` : name),
      creationTimestamp: metadata['creationTimestamp'] ?? new Date(nowAt).toISOString(),
    },
  };
}

/** Whether the object only waits for its finalizers: nothing is gained by refusing that. */
export function isBeingDeleted(object: unknown): boolean {
  if (!isRecord(object) || !isRecord(object['metadata'])) return false;
  return typeof object['metadata']['deletionTimestamp'] === 'string';
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' && value.length <= MAX_LENGTH ? value : '';
}
