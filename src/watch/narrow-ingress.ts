/**
 * Narrows an untyped `networking.k8s.io/v1` Ingress. A bad rule, path or TLS entry costs only itself. Which Ingresses are
 * ours and what annotations mean is decided by `config/`.
 */
import type { IngressBackend, IngressObject, IngressPath, IngressRule, IngressTls } from '../model/objects.ts';
import { findHostFault, isDnsLabel, isObjectName, isPortNumber } from './dns-name.ts';
import {
  isAbsent,
  isOpened,
  isRecord,
  type JsonRecord,
  type NarrowResult,
  narrowAnnotations,
  openObject,
  type ProblemSink,
  show,
  textOr,
} from './narrow-object.ts';

const PATH_TYPES: readonly IngressPath['pathType'][] = ['Exact', 'Prefix', 'ImplementationSpecific'];
const MAX_PATH_LENGTH = 4_096;
/** Spaces and control characters can stand in no request target (RFC 9112 §3.2). */
const UNPRINTABLE = /[\p{Cc} ]/u;

export function narrowIngress(raw: unknown): NarrowResult<IngressObject> {
  const opened = openObject(raw, { kind: 'Ingress', apiVersion: 'networking.k8s.io/v1', namespaced: true });
  if (!isOpened(opened)) return opened;
  const { sink, meta, metadata } = opened;
  const spec = opened.raw['spec'];
  if (!isRecord(spec)) {
    sink.reject('object-invalid', 'spec', `is ${show(spec)}; expected an object`);
    return sink.result<IngressObject>(null);
  }
  const className = spec['ingressClassName'];
  // Without the class nobody can tell whose Ingress this is: guessing would serve what belongs to another controller.
  if (!isAbsent(className) && typeof className !== 'string') {
    sink.reject(
      'object-invalid',
      'spec.ingressClassName',
      `is ${show(className)}; expected the name of an IngressClass`,
    );
    return sink.result<IngressObject>(null);
  }
  if (isAbsent(spec['rules']) && isAbsent(spec['defaultBackend'])) {
    sink.warn('object-invalid', 'spec', 'has neither rules nor a defaultBackend, so it serves nothing');
  }
  return sink.result({
    ...meta,
    createdAt: toTime(metadata['creationTimestamp']),
    annotations: narrowAnnotations(opened),
    className: isAbsent(className) || className === '' ? null : className,
    defaultBackend: isAbsent(spec['defaultBackend'])
      ? null
      : narrowBackend(spec['defaultBackend'], 'spec.defaultBackend', sink),
    rules: narrowRules(spec['rules'], sink),
    tls: narrowTls(spec['tls'], sink),
  });
}

function toTime(timestamp: unknown): number {
  const time = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  return Number.isFinite(time) ? time : 0;
}

function narrowRules(raw: unknown, sink: ProblemSink): readonly IngressRule[] {
  const rules: IngressRule[] = [];
  sink.list(raw, 'spec.rules').forEach((rule, index) => {
    const field = `spec.rules[${index}]`;
    if (!isRecord(rule)) return sink.reject('object-invalid', field, `is ${show(rule)}; expected an object`);
    const host = narrowHost(rule['host'], `${field}.host`, sink);
    if (host === null) return;
    const http = rule['http'];
    if (isAbsent(http)) return void rules.push({ place: index, host, paths: null });
    if (!isRecord(http)) return sink.reject('object-invalid', `${field}.http`, `is ${show(http)}; expected an object`);
    rules.push({ place: index, host, paths: narrowPaths(http['paths'], `${field}.http.paths`, sink) });
  });
  return rules;
}

/** Null after a Problem; empty = any host. */
function narrowHost(raw: unknown, field: string, sink: ProblemSink): string | null {
  if (isAbsent(raw) || raw === '') return '';
  const fault = typeof raw === 'string' ? findHostFault(raw) : 'is not a text';
  if (typeof raw === 'string' && fault === null) return raw;
  sink.reject('host-invalid', field, `${show(raw)} ${fault}`);
  return null;
}

function narrowPaths(raw: unknown, field: string, sink: ProblemSink): readonly IngressPath[] {
  const list = sink.list(raw, field);
  if (list.length === 0) sink.reject('object-invalid', field, 'is empty; expected at least one path');
  const paths: IngressPath[] = [];
  list.forEach((entry, index) => {
    const path = narrowPath(entry, index, `${field}[${index}]`, sink);
    if (path !== null) paths.push(path);
  });
  return paths;
}

function narrowPath(raw: unknown, place: number, field: string, sink: ProblemSink): IngressPath | null {
  if (!isRecord(raw)) {
    sink.reject('object-invalid', field, `is ${show(raw)}; expected an object`);
    return null;
  }
  const path = isAbsent(raw['path']) || raw['path'] === '' ? '/' : raw['path'];
  const pathFault = typeof path === 'string' ? findPathFault(path) : 'is not a text';
  if (typeof path !== 'string' || pathFault !== null) {
    sink.reject('path-invalid', `${field}.path`, `${show(path)} ${pathFault}`);
    return null;
  }
  // Required since v1, but files and old objects come without, and the controllers of their time took that for a prefix.
  const written = isAbsent(raw['pathType']) ? 'ImplementationSpecific' : raw['pathType'];
  const pathType = PATH_TYPES.find((known) => known === written);
  if (pathType === undefined) {
    const fault = `is ${show(written)}; expected one of ${PATH_TYPES.join(', ')}`;
    sink.reject('path-invalid', `${field}.pathType`, fault);
    return null;
  }
  const backend = narrowBackend(raw['backend'], `${field}.backend`, sink);
  return backend === null ? null : { place, path, pathType, backend };
}

function findPathFault(path: string): string | null {
  if (!path.startsWith('/')) return 'does not start with `/`';
  if (path.length > MAX_PATH_LENGTH) return `has ${path.length} characters; at most ${MAX_PATH_LENGTH}`;
  return UNPRINTABLE.test(path) ? 'has a space or control character; write it percent-encoded' : null;
}

function narrowBackend(raw: unknown, field: string, sink: ProblemSink): IngressBackend | null {
  if (!isRecord(raw)) {
    sink.reject('backend-invalid', field, `is ${show(raw)}; expected a service or a resource`);
    return null;
  }
  const { service, resource } = raw;
  if (isAbsent(service) === isAbsent(resource)) {
    const fault = isAbsent(service) ? 'names neither a service nor a resource' : 'names both a service and a resource';
    sink.reject('backend-invalid', field, `${fault}; expected exactly one`);
    return null;
  }
  return isAbsent(service)
    ? narrowResource(resource, `${field}.resource`, sink)
    : narrowServiceBackend(service, `${field}.service`, sink);
}

function narrowServiceBackend(raw: unknown, field: string, sink: ProblemSink): IngressBackend | null {
  const service = isRecord(raw) ? raw['name'] : undefined;
  if (!isRecord(raw) || typeof service !== 'string' || !isObjectName(service)) {
    sink.reject('backend-invalid', `${field}.name`, `is ${show(service)}; expected the name of a Service`);
    return null;
  }
  const port = narrowPort(raw['port'], `${field}.port`, sink);
  return port === null ? null : { kind: 'service', service, port };
}

/** The API's unset values are 0 and the empty text, so both count as absent. */
function narrowPort(raw: unknown, field: string, sink: ProblemSink): number | string | null {
  const { number, name }: JsonRecord = isRecord(raw) ? raw : {};
  const hasNumber = !isAbsent(number) && number !== 0;
  const hasName = !isAbsent(name) && name !== '';
  if (hasNumber === hasName) {
    sink.reject(
      'backend-invalid',
      field,
      hasName ? 'has a name and a number; expected one' : 'has no name and no number',
    );
    return null;
  }
  if (hasNumber) {
    if (isPortNumber(number)) return number;
    sink.reject('backend-invalid', `${field}.number`, `is ${show(number)}; expected 1 to 65535`);
    return null;
  }
  if (typeof name === 'string' && isDnsLabel(name)) return name;
  sink.reject('backend-invalid', `${field}.name`, `is ${show(name)}; expected the name of a Service port`);
  return null;
}

function narrowResource(raw: unknown, field: string, sink: ProblemSink): IngressBackend | null {
  const resourceKind = isRecord(raw) ? textOr(raw['kind'], '') : '';
  const name = isRecord(raw) ? textOr(raw['name'], '') : '';
  if (resourceKind !== '' && name !== '') return { kind: 'resource', resourceKind, name };
  sink.reject('backend-invalid', field, 'names no object; expected a kind and a name');
  return null;
}

function narrowTls(raw: unknown, sink: ProblemSink): readonly IngressTls[] {
  const tls: IngressTls[] = [];
  sink.list(raw, 'spec.tls').forEach((entry, index) => {
    const field = `spec.tls[${index}]`;
    if (!isRecord(entry)) return sink.reject('object-invalid', field, `is ${show(entry)}; expected an object`);
    const written = sink.list(entry['hosts'], `${field}.hosts`);
    const hosts: string[] = [];
    written.forEach((text, place) => {
      const host = narrowHost(text, `${field}.hosts[${place}]`, sink);
      if (host !== null && host !== '') hosts.push(host);
    });
    // An entry without hosts speaks for every host of the Ingress: one whose hosts were all refused must not.
    if (written.length > 0 && hosts.length === 0) return;
    tls.push({ place: index, hosts, secretName: narrowSecretName(entry['secretName'], `${field}.secretName`, sink) });
  });
  return tls;
}

function narrowSecretName(raw: unknown, field: string, sink: ProblemSink): string {
  if (isAbsent(raw) || raw === '') return '';
  if (typeof raw === 'string' && isObjectName(raw)) return raw;
  sink.reject('certificate-invalid', field, `is ${show(raw)}; expected the name of a Secret in the same namespace`);
  return '';
}
