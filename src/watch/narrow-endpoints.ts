/**
 * Narrows untyped `discovery.k8s.io/v1` EndpointSlices, and `v1` Endpoints into the same shape, so that nothing behind
 * `watch/` knows which of the two a cluster has. Absent conditions follow the API: ready and serving, not terminating.
 */
import { isIP, SocketAddress } from 'node:net';
import type { EndpointSliceObject, ObjectMeta, SliceEndpoint, SlicePort } from '../model/objects.ts';
import { isPortNumber } from './dns-name.ts';
import {
  IGNORED,
  isAbsent,
  isOpened,
  isRecord,
  type JsonRecord,
  type NarrowResult,
  openObject,
  type ProblemSink,
  show,
  textOr,
} from './narrow-object.ts';
import { toProtocol } from './narrow-service.ts';

type Family = EndpointSliceObject['addressType'];

/** Shared: a cluster has a hundred thousand endpoints, most without hints. */
const NO_ZONES: readonly string[] = [];
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** Slices without a Service are ignored, and those of type FQDN: their meaning is undefined, and they can name anything. */
export function narrowEndpointSlice(raw: unknown): NarrowResult<EndpointSliceObject> {
  const opened = openObject(raw, { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', namespaced: true });
  if (!isOpened(opened)) return opened;
  const { sink } = opened;
  const labels = opened.metadata['labels'];
  const serviceName = isRecord(labels) ? textOr(labels[SERVICE_NAME_LABEL], '') : '';
  const addressType = opened.raw['addressType'];
  if (serviceName === '' || addressType === 'FQDN') return IGNORED;
  if (addressType !== 'IPv4' && addressType !== 'IPv6') {
    sink.reject('object-invalid', 'addressType', `is ${show(addressType)}; expected IPv4 or IPv6`);
    return sink.result<EndpointSliceObject>(null);
  }
  const ports = narrowPorts(opened.raw['ports'], 'ports', sink);
  const endpoints: SliceEndpoint[] = [];
  sink.list(opened.raw['endpoints'], 'endpoints').forEach((entry, index) => {
    const endpoint = narrowEndpoint(entry, `endpoints[${index}]`, addressType, sink);
    if (endpoint !== null) endpoints.push(endpoint);
  });
  return sink.result({ ...opened.meta, serviceName, addressType, ports, endpoints });
}

/** One slice per subset and address family; the keys are `ns/name#0`, `ns/name#1`, … */
export function narrowEndpoints(raw: unknown): NarrowResult<readonly EndpointSliceObject[]> {
  const opened = openObject(raw, { kind: 'Endpoints', apiVersion: 'v1', namespaced: true });
  if (!isOpened(opened)) return opened;
  const { sink } = opened;
  const slices: EndpointSliceObject[] = [];
  sink.list(opened.raw['subsets'], 'subsets').forEach((subset, index) => {
    const field = `subsets[${index}]`;
    if (!isRecord(subset)) return sink.reject('object-invalid', field, `is ${show(subset)}; expected an object`);
    const ports = narrowPorts(subset['ports'], `${field}.ports`, sink);
    const endpoints = [
      ...narrowAddresses(subset['addresses'], `${field}.addresses`, true, sink),
      ...narrowAddresses(subset['notReadyAddresses'], `${field}.notReadyAddresses`, false, sink),
    ];
    for (const addressType of ['IPv4', 'IPv6'] as const) {
      const ofFamily = endpoints.filter((endpoint) => familyOf(endpoint.address) === addressType);
      if (ofFamily.length > 0)
        slices.push(toSlice(opened.meta, slices.length, { addressType, ports, endpoints: ofFamily }));
    }
  });
  return sink.result(slices);
}

function toSlice(
  meta: ObjectMeta,
  place: number,
  content: Pick<EndpointSliceObject, 'addressType' | 'ports' | 'endpoints'>,
): EndpointSliceObject {
  return { ...meta, key: `${meta.key}#${place}`, name: `${meta.name}#${place}`, serviceName: meta.name, ...content };
}

function narrowPorts(raw: unknown, field: string, sink: ProblemSink): readonly SlicePort[] {
  const ports: SlicePort[] = [];
  sink.list(raw, field).forEach((entry, index) => {
    const at = `${field}[${index}]`;
    if (!isRecord(entry)) return sink.reject('object-invalid', at, `is ${show(entry)}; expected an object`);
    const port = entry['port'];
    // A slice may leave the number out ("any port"): there is nothing to connect to, and nothing wrong either.
    if (isAbsent(port) || port === 0) return;
    if (!isPortNumber(port)) {
      return sink.reject('object-invalid', `${at}.port`, `is ${show(port)}; expected 1 to 65535`);
    }
    const protocol = toProtocol(entry['protocol']);
    if (protocol === null) {
      const fault = `is ${show(entry['protocol'])}; expected TCP, UDP or SCTP`;
      return sink.reject('object-invalid', `${at}.protocol`, fault);
    }
    ports.push({ name: textOr(entry['name'], ''), port, protocol, appProtocol: textOr(entry['appProtocol'], '') });
  });
  return ports;
}

/** Only `addresses[0]` counts: the API calls further ones undefined. */
function narrowEndpoint(raw: unknown, field: string, family: Family, sink: ProblemSink): SliceEndpoint | null {
  if (!isRecord(raw)) {
    sink.reject('object-invalid', field, `is ${show(raw)}; expected an object`);
    return null;
  }
  const address = narrowAddress(sink.list(raw['addresses'], `${field}.addresses`)[0], `${field}.addresses[0]`, sink);
  if (address === null) return null;
  if (familyOf(address) !== family) {
    sink.reject('object-invalid', `${field}.addresses[0]`, `is ${show(address)}; the slice holds ${family} addresses`);
    return null;
  }
  const conditions: JsonRecord = isRecord(raw['conditions']) ? raw['conditions'] : {};
  return {
    address,
    ready: conditions['ready'] !== false,
    serving: conditions['serving'] !== false,
    terminating: conditions['terminating'] === true,
    hintZones: narrowHintZones(raw['hints']),
  };
}

function narrowHintZones(hints: unknown): readonly string[] {
  const forZones = isRecord(hints) ? hints['forZones'] : undefined;
  if (!Array.isArray(forZones)) return NO_ZONES;
  return forZones
    .map((zone: unknown) => (isRecord(zone) ? textOr(zone['name'], '') : ''))
    .filter((name) => name !== '');
}

function narrowAddresses(raw: unknown, field: string, ready: boolean, sink: ProblemSink): readonly SliceEndpoint[] {
  const endpoints: SliceEndpoint[] = [];
  sink.list(raw, field).forEach((entry, index) => {
    const ip = isRecord(entry) ? entry['ip'] : undefined;
    const address = narrowAddress(ip, `${field}[${index}].ip`, sink);
    if (address === null || !isRecord(entry)) return;
    endpoints.push({ address, ready, serving: ready, terminating: false, hintZones: NO_ZONES });
  });
  return endpoints;
}

/** The canonical literal; null after a Problem. Zone indexes (`fe80::1%eth0`) are for a machine's own links only. */
function narrowAddress(raw: unknown, field: string, sink: ProblemSink): string | null {
  if (typeof raw === 'string' && !raw.includes('%')) {
    const version = isIP(raw);
    if (version === 4) return raw;
    if (version === 6) return new SocketAddress({ address: raw, family: 'ipv6' }).address;
  }
  sink.reject('object-invalid', field, `is ${show(raw)}; expected an IP address`);
  return null;
}

function familyOf(address: string): Family {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}
