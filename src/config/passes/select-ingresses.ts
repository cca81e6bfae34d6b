/** Pass: which Ingresses are ours, in which order they count, and what their annotations say. */
import type { IngressObject } from '../../model/objects.ts';
import type { IngressSettings } from '../annotations/ingress-settings.ts';
import { resolveTransport } from '../backend-tls.ts';
import { type BackendTransport, DEFAULT_BACKEND_TRANSPORT } from '../backend-transport.ts';
import { combineLane } from '../combine-lane.ts';
import { compareText } from '../compare-text.ts';
import type { AcceptedIngress, Draft } from '../draft.ts';
import { reject, warn } from '../draft.ts';
import { isClassMissing, isOurs } from '../ingress-class.ts';

export function selectIngresses(draft: Draft): void {
  const { snapshot, settings } = draft;
  const ours: IngressObject[] = [];
  for (const ingress of snapshot.ingresses.values()) {
    if (isOurs(ingress, snapshot.ingressClasses, settings)) ours.push(ingress);
    else if (isClassMissing(ingress, snapshot.ingressClasses, settings)) reportMissingClass(draft, ingress);
  }
  for (const ingress of ours.toSorted(compareAge)) {
    const accepted = accept(draft, ingress);
    if (accepted.canary === null) draft.ingresses.push(accepted);
    else draft.canaries.push(accepted);
  }
}

function reportMissingClass(draft: Draft, ingress: IngressObject): void {
  const { ingressClass, controllerName } = draft.settings;
  const message = `ingressclass "${ingressClass}" does not exist; create it with spec.controller "${controllerName}"`;
  reject(draft, 'class-not-found', ingressRef(ingress), 'spec.ingressClassName', message);
}

/**
 * Oldest first. Equal ages count from the end of the alphabet: objects made by one `kubectl apply` are equally old, and
 * this is the order in which existing installations resolve their conflicts.
 */
export function compareAge(a: IngressObject, b: IngressObject): number {
  return a.createdAt - b.createdAt || compareText(b.key, a.key);
}

function accept(draft: Draft, ingress: IngressObject): AcceptedIngress {
  const ref = ingressRef(ingress);
  const { settings, faults, slashPolicy } = draft.memory.readIngress(ingress);
  for (const { code, severity, key, message } of faults) {
    const field = `metadata.annotations[${key}]`;
    draft.problems.push({ code, severity, source: ref, field, message, location: null });
  }
  const isCanary = settings.canary.enabled;
  const { transport, closedBy } = isCanary ? CANARY_CONNECTIONS : resolveConnections(draft, ref, settings);
  const { lane, answer: laneAnswer } = combineLane(settings.lane, settings.policy.affinity);
  const accepted = {
    object: ingress,
    ref,
    policy: settings.policy,
    slashPolicy,
    canary: isCanary ? settings.canary : null,
    pair: settings.pair,
    lane,
    laneAnswer,
    honoursLane: { header: settings.lane.honour, cookie: settings.lane.honourCookie },
    transport,
    upstreamSettings: settings.upstream,
  };
  return closedBy === '' ? accepted : close(accepted, closedBy);
}

/** How backends are connected to, and the annotation that cannot be honoured; empty = all can be. */
interface Connections {
  readonly transport: BackendTransport;
  readonly closedBy: string;
}

const CANARY_CONNECTIONS: Connections = { transport: DEFAULT_BACKEND_TRANSPORT, closedBy: '' };

function resolveConnections(draft: Draft, ref: AcceptedIngress['ref'], settings: IngressSettings): Connections {
  const { transport, faults } = resolveTransport(draft.snapshot, ref.namespace, settings.backend);
  let closedBy = '';
  for (const { code, closes, key, message } of faults) {
    const name = `${draft.settings.annotationsPrefix}/${key}`;
    const field = `metadata.annotations[${name}]`;
    if (closes) {
      reject(draft, code, ref, field, message);
      if (closedBy === '') closedBy = name;
    } else warn(draft, code, ref, field, message);
  }
  return { transport, closedBy };
}

/** Where what is asked of connections to backends cannot be had. The first reason to close counts. */
function close(accepted: AcceptedIngress, annotation: string): AcceptedIngress {
  if (accepted.policy.closed !== null) return accepted;
  const closed = { status: 503, reason: `annotation ${annotation} cannot be honoured` };
  return {
    ...accepted,
    policy: { ...accepted.policy, closed },
    slashPolicy: { ...accepted.slashPolicy, closed },
  };
}

function ingressRef(ingress: IngressObject): AcceptedIngress['ref'] {
  return { kind: 'Ingress', namespace: ingress.namespace, name: ingress.name };
}
