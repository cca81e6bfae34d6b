/** Makes `events.k8s.io/v1` Events: what is in one, and how it is named. When they are written is `event-recorder.ts`. */
import { createHash } from 'node:crypto';
import { escapeText } from '../log/escape-text.ts';
import { toMicroTime } from './micro-time.ts';
import type { JsonRecord } from './narrow-object.ts';

/** Of an object as the API server knows it. */
export interface EventSubject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

export interface EventNotice {
  readonly type: 'Normal' | 'Warning';
  /** UpperCamelCase. */
  readonly reason: string;
  /** Cut to what the server takes. */
  readonly note: string;
  readonly subject: EventSubject;
}

export interface EventReporter {
  /** `reportingController`. */
  readonly controller: string;
  /** `reportingInstance`: the pod. */
  readonly instance: string;
}

/** What the server takes, in bytes of UTF-8. */
const MAX_NOTE_BYTES = 1024;
const MAX_INSTANCE_CHARS = 128;
/** Object names may have 253 characters; a dot and 16 digits follow. */
const MAX_NAME_CHARS = 236;
const ACTION = 'Configure';

/** What makes two notices the same Event. */
export function identify({ reason, note, subject }: EventNotice): string {
  return [subject.uid, reason, note].join('\u0000');
}

/**
 * The same for the same notice in every replica and after every restart: whoever comes second is told by the server that the
 * Event exists.
 */
export function toEventName(notice: EventNotice): string {
  const hash = createHash('sha256').update(identify(notice)).digest('hex').slice(0, 16);
  return `${notice.subject.name.slice(0, MAX_NAME_CHARS).replace(/[-.]+$/, '')}.${hash}`;
}

/** Events about cluster-scoped objects live in the namespace `default`. */
export function toEventCollection({ subject }: EventNotice): string {
  const namespace = encodeURIComponent(subject.namespace || 'default');
  return `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
}

/** `now`: milliseconds since 1970. */
export function toEvent(notice: EventNotice, reporter: EventReporter, now: number): JsonRecord {
  const { apiVersion, kind, namespace, name, uid, resourceVersion } = notice.subject;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: toEventName(notice), namespace: namespace || 'default' },
    eventTime: toMicroTime(now),
    reportingController: reporter.controller,
    reportingInstance: reporter.instance.slice(0, MAX_INSTANCE_CHARS),
    action: ACTION,
    reason: notice.reason,
    type: notice.type,
    regarding: { apiVersion, kind, ...(namespace === '' ? {} : { namespace }), name, uid, resourceVersion },
    note: cutNote(notice.note),
  };
}

/** All that may change in an Event. `count`: how often it was seen, this time included. */
export function toSeriesPatch(count: number, now: number): JsonRecord {
  // The server refuses a series of one.
  return { series: { count: Math.max(2, count), lastObservedTime: toMicroTime(now) } };
}

function cutNote(note: string): string {
  const safe = escapeText(note);
  if (Buffer.byteLength(safe) <= MAX_NOTE_BYTES) return safe;
  const ellipsis = '…';
  const room = MAX_NOTE_BYTES - Buffer.byteLength(ellipsis);
  // `stream` holds back the character that the cut went through.
  const head = new TextDecoder().decode(Buffer.from(safe).subarray(0, room), { stream: true });
  return `${head}${ellipsis}`;
}
