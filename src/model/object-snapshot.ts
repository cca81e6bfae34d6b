/** Everything a source knows at one moment: made fresh each time, shares unchanged objects with the last one, never mutated. */
import type { ObjectKey } from './object-ref.ts';
import type {
  EndpointSliceObject,
  IngressClassObject,
  IngressObject,
  ServiceObject,
  TlsSecretObject,
} from './objects.ts';
import type { Problem } from './problem.ts';
import type { StaticConfig } from './static-config.ts';

export interface ObjectSnapshot {
  /** Grows by at least one with every snapshot of a source. */
  readonly revision: number;
  readonly ingresses: ReadonlyMap<ObjectKey, IngressObject>;
  /** Null when the source may not read IngressClasses: then class *names* decide alone. */
  readonly ingressClasses: ReadonlyMap<string, IngressClassObject> | null;
  readonly services: ReadonlyMap<ObjectKey, ServiceObject>;
  /** Slices by the key of the Service they belong to. */
  readonly endpointSlices: ReadonlyMap<ObjectKey, readonly EndpointSliceObject[]>;
  readonly tlsSecrets: ReadonlyMap<ObjectKey, TlsSecretObject>;
  /** Null unless the source is a static configuration file. */
  readonly staticConfig: StaticConfig | null;
  /** What the source itself could not read. Compile appends its own. */
  readonly problems: readonly Problem[];
  /**
   * True when nothing but `endpointSlices` differs from the snapshot this source emitted before: such a change takes
   * the short road past the compiler.
   */
  readonly endpointsOnly: boolean;
  /** The source has said nothing new: this is its last snapshot once more, with states of releases that were decided since. */
  readonly isRepeated?: true;
}
