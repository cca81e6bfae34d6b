/** AdmissionReviews as API servers send them, and a webhook that knows a few objects. */
import { AdmissionWebhook } from '../../src/admission/admission-webhook.ts';
import type { ReviewResponse } from '../../src/admission/review-response.ts';
import type { ObjectSnapshot } from '../../src/model/object-snapshot.ts';
import { narrowIngress } from '../../src/watch/narrow-ingress.ts';
import { narrowService } from '../../src/watch/narrow-service.ts';
import { settings } from './fixtures.ts';

/** When objects without a time of creation come into being. */
export const REVIEW_TIME: number = Date.parse('2026-01-02T03:04:05Z');

export interface ReviewParts {
  readonly operation?: string;
  readonly kind?: string;
  readonly subResource?: string;
  readonly object?: unknown;
  readonly oldObject?: unknown;
}

/** Of an Ingress that is created, unless `parts` says otherwise. */
export function admissionReview(parts: ReviewParts): unknown {
  const { operation = 'CREATE', kind = 'Ingress', object, oldObject = null, ...rest } = parts;
  const isIngress = kind === 'Ingress';
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: isIngress ? 'networking.k8s.io' : '', version: 'v1', kind },
      resource: { group: isIngress ? 'networking.k8s.io' : '', version: 'v1', resource: `${kind.toLowerCase()}es` },
      name: 'web',
      namespace: 'shop',
      operation,
      userInfo: { username: 'admin', groups: ['system:authenticated'] },
      object: object ?? null,
      oldObject,
      dryRun: false,
      options: { kind: `${operation}Options`, apiVersion: 'meta.k8s.io/v1' },
      ...rest,
    },
  };
}

export function webhookWith(snapshot: ObjectSnapshot | null, namespaces: readonly string[] = []): AdmissionWebhook {
  const options = { settings: settings(), namespaces, narrowIngress, narrowService, nowAt: () => REVIEW_TIME };
  const webhook = new AdmissionWebhook(options);
  if (snapshot !== null) webhook.onSnapshot(snapshot);
  return webhook;
}

/** Throws where there is none. */
export function responseOf(webhook: AdmissionWebhook, review: unknown): ReviewResponse {
  const answer = webhook.review(review);
  if ('error' in answer) throw new Error(answer.error);
  return answer.response;
}
