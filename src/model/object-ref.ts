/** Names the object (or file) a piece of configuration came from. Every route, upstream and problem carries one. */

export interface ObjectRef {
  /** `Ingress`, `Service`, `Secret`, … or `StaticConfig`. */
  readonly kind: string;
  /** Empty for cluster-scoped objects and for files. */
  readonly namespace: string;
  /** For `StaticConfig` the file name as the user gave it. */
  readonly name: string;
}

/** A place in a file, 1-based, as editors count. */
export interface FileLocation {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `namespace/name`; just `name` for cluster-scoped objects. */
export type ObjectKey = string;

export function toObjectKey(namespace: string, name: string): ObjectKey {
  return namespace === '' ? name : `${namespace}/${name}`;
}

export function formatRef(ref: ObjectRef): string {
  return `${ref.kind} ${toObjectKey(ref.namespace, ref.name)}`;
}
