/**
 * Resolves a Service and port to endpoints: the port of the Service, the same port in each of its EndpointSlices, and
 * which addresses may take requests. The full compile and the short road for endpoint changes both use it, and nothing else.
 */
import { toObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { EndpointSliceObject, ServiceObject, ServicePort, SliceEndpoint } from '../model/objects.ts';
import type { ProblemCode } from '../model/problem.ts';
import type { EndpointAddress } from '../model/proxy-config.ts';
import { compareText } from './compare-text.ts';
import { externalNameFault } from './external-name.ts';

export interface BackendKey {
  readonly namespace: string;
  readonly service: string;
  /** Number or name, as written. */
  readonly port: number | string;
}

export interface ResolvedBackend {
  /** Sorted by address, then port. */
  readonly endpoints: readonly EndpointAddress[];
  /** Why there can be no endpoint; null when the Service and its port exist. */
  readonly fault: { readonly code: ProblemCode; readonly message: string } | null;
}

/** @param zone ours, empty = none: endpoints hinted for other zones are marked where those hinted for it can do without them */
export function resolveBackend(snapshot: ObjectSnapshot, backend: BackendKey, zone = ''): ResolvedBackend {
  const key = toObjectKey(backend.namespace, backend.service);
  const service = snapshot.services.get(key);
  if (service === undefined) return faulty('reference-not-found', `service ${key} does not exist`);
  if (service.type === 'ExternalName') return resolveExternalName(service, backend.port);
  const port = findServicePort(service.ports, backend.port);
  if (port === null) return faulty('port-not-found', portMessage(service, backend.port));
  const usable = usableEndpoints(service, port, snapshot.endpointSlices.get(key) ?? []);
  return { endpoints: toEndpointAddresses(usable, zone), fault: null };
}

/** What the Service says its port speaks; empty where it says nothing, or there is no such port. */
export function findAppProtocol(snapshot: ObjectSnapshot, backend: BackendKey): string {
  const service = snapshot.services.get(toObjectKey(backend.namespace, backend.service));
  return service === undefined ? '' : (findServicePort(service.ports, backend.port)?.appProtocol ?? '');
}

function faulty(code: ProblemCode, message: string): ResolvedBackend {
  return { endpoints: [], fault: { code, message } };
}

function portMessage(service: ServiceObject, wanted: number | string): string {
  const known = service.ports.filter((port) => port.protocol === 'TCP').map(formatServicePort);
  const list = known.length === 0 ? 'no tcp port' : known.join(', ');
  return `service ${service.key} has no tcp port "${wanted}"; it has ${list}`;
}

function formatServicePort(port: ServicePort): string {
  return port.name === '' ? `${port.port}` : `${port.port} (${port.name})`;
}

/**
 * By number or name; the text of `targetPort` only where neither fits, so that a port meant by its number never loses
 * to another port that happens to lead there.
 */
function findServicePort(ports: readonly ServicePort[], wanted: number | string): ServicePort | null {
  const text = String(wanted);
  const tcp = ports.filter((port) => port.protocol === 'TCP');
  const named = tcp.find((port) => String(port.port) === text || (port.name !== '' && port.name === text));
  return named ?? tcp.find((port) => port.targetPort === text) ?? null;
}

/** An ExternalName Service needs no ports: the number the Ingress names is then the port itself. */
function resolveExternalName(service: ServiceObject, wanted: number | string): ResolvedBackend {
  const fault = externalNameFault(service.externalName);
  if (fault !== null) return faulty('backend-invalid', `service ${service.key}: ${fault}`);
  const port = findServicePort(service.ports, wanted);
  const number = port === null ? Number(wanted) : portNumber(port);
  const isKnown = port !== null || service.ports.length === 0;
  if (!isKnown || !Number.isInteger(number) || number < 1 || number > 65_535) {
    return faulty('port-not-found', portMessage(service, wanted));
  }
  return { endpoints: [{ address: service.externalName.toLowerCase(), port: number, weight: 1 }], fault: null };
}

function portNumber(port: ServicePort): number {
  return /^\d+$/.test(port.targetPort) ? Number(port.targetPort) : port.port;
}

/** One address and port, as the slice with the greatest resource version describes it. */
interface Candidate {
  readonly slice: EndpointSliceObject;
  readonly endpoint: SliceEndpoint;
  readonly port: number;
}

/**
 * The ready endpoints of one address family (the first of `spec.ipFamilies` that has any: dual stack lists every pod
 * twice), and those that still serve while they terminate, marked as draining. Where nothing at all is ready, these alone.
 */
function usableEndpoints(
  service: ServiceObject,
  port: ServicePort,
  slices: readonly EndpointSliceObject[],
): readonly Candidate[] {
  const candidates = [...collectCandidates(port, slices).values()];
  const first = service.ipFamilies[0] ?? 'IPv4';
  const second = first === 'IPv4' ? 'IPv6' : 'IPv4';
  for (const isEligible of [isReady, isDraining]) {
    for (const family of [first, second]) {
      const ofFamily = candidates.filter((c) => c.slice.addressType === family);
      if (!ofFamily.some((c) => isEligible(c.endpoint))) continue;
      return ofFamily.filter((c) => isReady(c.endpoint) || isDraining(c.endpoint));
    }
  }
  return [];
}

function collectCandidates(port: ServicePort, slices: readonly EndpointSliceObject[]): Map<string, Candidate> {
  const candidates = new Map<string, Candidate>();
  for (const slice of slices) {
    for (const slicePort of slice.ports) {
      if (slicePort.name !== port.name || slicePort.protocol !== 'TCP' || slicePort.port === 0) continue;
      for (const endpoint of slice.endpoints) {
        const candidate = { slice, endpoint, port: slicePort.port };
        const key = `${endpoint.address} ${slicePort.port}`;
        const present = candidates.get(key);
        if (present === undefined || isNewer(candidate, present)) candidates.set(key, candidate);
      }
    }
  }
  return candidates;
}

/** At equal versions (files, or twice in one slice) the better condition counts, so that order never matters. */
function isNewer(a: Candidate, b: Candidate): boolean {
  const order = compareResourceVersions(a.slice.resourceVersion, b.slice.resourceVersion);
  return order === 0 ? rank(a.endpoint) > rank(b.endpoint) : order > 0;
}

function rank(endpoint: SliceEndpoint): number {
  if (isReady(endpoint)) return 2;
  return isDraining(endpoint) ? 1 : 0;
}

/** Decimal strings of any length, so never as numbers: the longer one is greater. */
function compareResourceVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return compareText(a, b);
}

function isReady(endpoint: SliceEndpoint): boolean {
  return endpoint.ready;
}

function isDraining(endpoint: SliceEndpoint): boolean {
  return endpoint.serving && endpoint.terminating;
}

function toEndpointAddresses(usable: readonly Candidate[], zone: string): readonly EndpointAddress[] {
  const prefersZone = hintsCount(usable, zone);
  return usable.map((candidate) => toEndpointAddress(candidate, prefersZone ? zone : '')).toSorted(compareEndpoints);
}

/**
 * As kube-proxy decides it (KEP-2433): all ready endpoints have hints, and one of them for our zone. Hints arrive slice by
 * slice, and half of them would send everything to the few that have one.
 */
function hintsCount(usable: readonly Candidate[], zone: string): boolean {
  if (zone === '') return false;
  const ready = usable.filter((candidate) => isReady(candidate.endpoint));
  return (
    ready.every(({ endpoint }) => endpoint.hintZones.length > 0) &&
    ready.some(({ endpoint }) => endpoint.hintZones.includes(zone))
  );
}

/** `zone` is empty where hints do not count. What drains gets no new requests, wherever it is. */
function toEndpointAddress({ endpoint, port }: Candidate, zone: string): EndpointAddress {
  const address = { address: endpoint.address, port, weight: 1 };
  if (!isReady(endpoint)) return { ...address, draining: true };
  return zone === '' || endpoint.hintZones.includes(zone) ? address : { ...address, otherZone: true };
}

function compareEndpoints(a: EndpointAddress, b: EndpointAddress): number {
  return compareText(a.address, b.address) || a.port - b.port;
}
