/** Narrows an untyped `v1` Service. A bad port costs only itself. */
import type { ServiceObject, ServicePort } from '../model/objects.ts';
import { isDnsLabel, isDnsName, isPortNumber } from './dns-name.ts';
import {
  isAbsent,
  isOpened,
  isRecord,
  type NarrowResult,
  narrowAnnotations,
  openObject,
  type ProblemSink,
  show,
  textOr,
} from './narrow-object.ts';

type Protocol = ServicePort['protocol'];

const TYPES: readonly ServiceObject['type'][] = ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'];

export function narrowService(raw: unknown): NarrowResult<ServiceObject> {
  const opened = openObject(raw, { kind: 'Service', apiVersion: 'v1', namespaced: true });
  if (!isOpened(opened)) return opened;
  const { sink } = opened;
  const spec = opened.raw['spec'];
  if (!isRecord(spec)) {
    sink.reject('object-invalid', 'spec', `is ${show(spec)}; expected an object`);
    return sink.result<ServiceObject>(null);
  }
  const written = isAbsent(spec['type']) || spec['type'] === '' ? 'ClusterIP' : spec['type'];
  const type = TYPES.find((known) => known === written);
  if (type === undefined) {
    sink.reject('object-invalid', 'spec.type', `is ${show(written)}; expected one of ${TYPES.join(', ')}`);
    return sink.result<ServiceObject>(null);
  }
  const externalName = type === 'ExternalName' ? spec['externalName'] : '';
  if (typeof externalName !== 'string' || (type === 'ExternalName' && !isExternalName(externalName))) {
    sink.reject('object-invalid', 'spec.externalName', `is ${show(externalName)}; expected a lower-case DNS name`);
    return sink.result<ServiceObject>(null);
  }
  return sink.result({
    ...opened.meta,
    type,
    clusterIP: textOr(spec['clusterIP'], ''),
    externalName,
    ipFamilies: sink.list(spec['ipFamilies'], 'spec.ipFamilies').filter(isIpFamily),
    ports: narrowPorts(spec['ports'], sink),
    annotations: narrowAnnotations(opened),
  });
}

/** A final dot (a fully qualified name) is legal here, unlike elsewhere. */
function isExternalName(name: string): boolean {
  return isDnsName(name.endsWith('.') ? name.slice(0, -1) : name);
}

function isIpFamily(value: unknown): value is 'IPv4' | 'IPv6' {
  return value === 'IPv4' || value === 'IPv6';
}

function narrowPorts(raw: unknown, sink: ProblemSink): readonly ServicePort[] {
  const ports: ServicePort[] = [];
  sink.list(raw, 'spec.ports').forEach((entry, index) => {
    const field = `spec.ports[${index}]`;
    if (!isRecord(entry)) return sink.reject('object-invalid', field, `is ${show(entry)}; expected an object`);
    const port = entry['port'];
    if (!isPortNumber(port)) {
      return sink.reject('object-invalid', `${field}.port`, `is ${show(port)}; expected 1 to 65535`);
    }
    const targetPort = toTargetPort(entry['targetPort'], port);
    if (targetPort === null) {
      const fault = `is ${show(entry['targetPort'])}; expected 1 to 65535 or the name of a container port`;
      return sink.reject('object-invalid', `${field}.targetPort`, fault);
    }
    const protocol = toProtocol(entry['protocol']);
    if (protocol === null) {
      const fault = `is ${show(entry['protocol'])}; expected TCP, UDP or SCTP`;
      return sink.reject('object-invalid', `${field}.protocol`, fault);
    }
    const name = textOr(entry['name'], '');
    ports.push({ name, port, targetPort, protocol, appProtocol: textOr(entry['appProtocol'], '') });
  });
  return ports;
}

/** IntOrString: the API's unset values are 0 and the empty text. */
function toTargetPort(raw: unknown, port: number): string | null {
  if (isAbsent(raw) || raw === 0 || raw === '') return String(port);
  if (typeof raw === 'number') return isPortNumber(raw) ? String(raw) : null;
  if (typeof raw !== 'string') return null;
  return isDnsLabel(raw) ? raw : null;
}

/** Absent is TCP; null is a protocol nobody knows. */
export function toProtocol(raw: unknown): Protocol | null {
  if (isAbsent(raw) || raw === '') return 'TCP';
  return raw === 'TCP' || raw === 'UDP' || raw === 'SCTP' ? raw : null;
}
