/**
 * What one compile leaves behind for the next: answers that follow from objects alone, kept as long as these objects are. It
 * spares work and never decides anything: a property test holds a compile with a memory equal to one without.
 */
import type { CompileSettings } from '../model/compile-settings.ts';
import { toObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';
import type { EndpointSliceObject, IngressObject, ServiceObject } from '../model/objects.ts';
import type { RoutePolicy } from '../model/route-policy.ts';
import {
  ownAnnotations,
  type ReadAnnotations,
  type ReadServiceAnnotations,
  readAnnotations,
  readServiceAnnotations,
} from './annotations/read-annotations.ts';
import { type BackendKey, findAppProtocol, type ResolvedBackend, resolveBackend } from './backend.ts';

export interface ReadIngress extends ReadAnnotations {
  /** The policy of its `Prefix` paths that end in `/`. */
  readonly slashPolicy: RoutePolicy;
}

export interface KnownBackend extends ResolvedBackend {
  /** What the Service says its port speaks; empty where it says nothing. */
  readonly appProtocol: string;
}

const MAX_SHARED = 1_000;
/** Of annotations, to be remembered by. */
const MAX_SHARED_TEXT = 2_048;

interface KnownService {
  /** All answers are about these. */
  readonly slices: readonly EndpointSliceObject[] | undefined;
  readonly backends: Map<number | string, KnownBackend>;
}

/** For compiles under the settings it was made with. */
export class CompileMemory {
  readonly #prefix: string;
  readonly #zone: string;
  readonly #ingresses: WeakMap<IngressObject, ReadIngress>;
  /** By what they are made of. */
  readonly #byAnnotations: Map<string, ReadIngress>;
  readonly #annotations: WeakMap<ServiceObject, ReadServiceAnnotations>;
  readonly #services: WeakMap<ServiceObject, KnownService>;

  constructor({ annotationsPrefix, zone }: Pick<CompileSettings, 'annotationsPrefix' | 'zone'>) {
    this.#prefix = annotationsPrefix;
    this.#zone = zone;
    this.#ingresses = new WeakMap();
    this.#byAnnotations = new Map();
    this.#annotations = new WeakMap();
    this.#services = new WeakMap();
  }

  /** Shared by all compiles: nobody may change what is in it. */
  readIngress(ingress: IngressObject): ReadIngress {
    const known = this.#ingresses.get(ingress);
    if (known !== undefined) return known;
    const made = this.#readAnnotations(ingress.annotations);
    this.#ingresses.set(ingress, made);
    return made;
  }

  /** Thousands of Ingresses say the same, or nothing: these share one answer, and their routes one policy. */
  #readAnnotations(annotations: IngressObject['annotations']): ReadIngress {
    const text = JSON.stringify(ownAnnotations(annotations, this.#prefix));
    const known = this.#byAnnotations.get(text);
    if (known !== undefined) return known;
    const read = readAnnotations(annotations, this.#prefix);
    const made = { ...read, slashPolicy: { ...read.settings.policy, redirectMissingSlash: true } };
    if (text.length > MAX_SHARED_TEXT) return made;
    if (this.#byAnnotations.size >= MAX_SHARED) this.#byAnnotations.clear();
    this.#byAnnotations.set(text, made);
    return made;
  }

  readService(service: ServiceObject): ReadServiceAnnotations {
    const known = this.#annotations.get(service);
    if (known !== undefined) return known;
    const made = readServiceAnnotations(service.annotations);
    this.#annotations.set(service, made);
    return made;
  }

  resolveBackend(snapshot: ObjectSnapshot, backend: BackendKey): KnownBackend {
    const key = toObjectKey(backend.namespace, backend.service);
    const service = snapshot.services.get(key);
    if (service === undefined) return this.#resolve(snapshot, backend);
    const slices = snapshot.endpointSlices.get(key);
    let known = this.#services.get(service);
    if (known === undefined || known.slices !== slices) {
      known = { slices, backends: new Map() };
      this.#services.set(service, known);
    }
    let resolved = known.backends.get(backend.port);
    if (resolved === undefined) {
      resolved = this.#resolve(snapshot, backend);
      known.backends.set(backend.port, resolved);
    }
    return resolved;
  }

  #resolve(snapshot: ObjectSnapshot, backend: BackendKey): KnownBackend {
    const { endpoints, fault } = resolveBackend(snapshot, backend, this.#zone);
    return { endpoints, fault, appProtocol: findAppProtocol(snapshot, backend) };
  }
}
