/** What an API server demands of the objects that are written here, and that a fake which takes anything would hide. */
import { isIP } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { ResourceType } from './resources.ts';

type Json = Readonly<Record<string, unknown>>;

/** Empty: nothing is wrong. `before` null: it is created. */
export function findFault(type: ResourceType, object: Json, before: Json | null): string {
  if (type.kind === 'Lease') return leaseFault(object);
  if (type.kind === 'Event') return eventFault(object, before);
  return type.kind === 'Ingress' ? ingressStatusFault(object) : '';
}

const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

function leaseFault(object: Json): string {
  const { acquireTime, renewTime, leaseDurationSeconds, leaseTransitions } = toJson(object['spec']);
  for (const time of [acquireTime, renewTime]) {
    if (time !== undefined && !MICRO_TIME.test(toText(time))) return `parsing time "${toText(time)}" as MicroTime`;
  }
  if (!(Number(leaseDurationSeconds) > 0)) return 'spec.leaseDurationSeconds: must be greater than 0';
  return Number(leaseTransitions ?? 0) < 0 ? 'spec.leaseTransitions: must be greater than or equal to 0' : '';
}

const REQUIRED = ['eventTime', 'reportingController', 'reportingInstance', 'action', 'reason', 'type'];

function eventFault(object: Json, before: Json | null): string {
  for (const field of REQUIRED) if (!object[field]) return `${field}: Required value`;
  const { note, eventTime, regarding, series, reportingInstance, type } = object;
  if (Buffer.byteLength(toText(note)) > 1024) return 'note: can have at most 1024 characters';
  if (String(reportingInstance).length > 128) return 'reportingInstance: can have at most 128 characters';
  if (type !== 'Normal' && type !== 'Warning') return 'type: has invalid value';
  if (!MICRO_TIME.test(String(eventTime))) return `parsing time "${String(eventTime)}" as MicroTime`;
  const { namespace } = toJson(object['metadata']);
  if (namespace !== (toJson(regarding)['namespace'] ?? 'default')) return 'involvedObject.namespace: does not match';
  if (series !== undefined) {
    const { count, lastObservedTime } = toJson(series);
    if (!(Number(count) >= 2)) return 'series.count: should be at least 2';
    if (!MICRO_TIME.test(String(lastObservedTime))) return 'series.lastObservedTime: must be a MicroTime';
  }
  if (before === null) return '';
  const frozen = ({ metadata: _metadata, series: _series, ...rest }: Json): Json => rest;
  return isDeepStrictEqual(frozen(object), frozen(before)) ? '' : 'field is immutable';
}

function ingressStatusFault(object: Json): string {
  const { ingress } = toJson(toJson(object['status'])['loadBalancer']);
  for (const entry of Array.isArray(ingress) ? ingress : []) {
    const { ip, hostname } = toJson(entry);
    if (ip !== undefined && isIP(toText(ip)) === 0)
      return `status.loadBalancer.ingress[0].ip: Invalid value: "${toText(ip)}"`;
    if (hostname !== undefined && isIP(toText(hostname)) !== 0)
      return 'status.loadBalancer.ingress[0].hostname: must be a DNS name';
  }
  return '';
}

function toJson(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
