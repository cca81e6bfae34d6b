/** Answers requests for single objects: reading one, creating, replacing and patching it. */
import { findFault } from './object-rules.ts';
import type { ObjectPath, ResourceType } from './resources.ts';
import type { StatusOptions } from './status.ts';
import { keyOf, type ObjectInput, type ObjectMetadata, type Storage, type StoredObject } from './storage.ts';

export type ObjectAnswer = { readonly code: number; readonly body: StoredObject } | { readonly status: StatusOptions };

type Json = Readonly<Record<string, unknown>>;

export function answerGet(storage: Storage, path: ObjectPath): ObjectAnswer {
  const found = storage.get(path.type, keyOf(metadataOf(path)));
  return found === null ? { status: notFound(path.type, path.name) } : { code: 200, body: found };
}

export function answerCreate(storage: Storage, type: ResourceType, input: ObjectInput): ObjectAnswer {
  const { name } = input.metadata;
  if (storage.get(type, keyOf(input.metadata)) !== null) {
    return { status: { code: 409, reason: 'AlreadyExists', message: `${type.plural} "${name}" already exists` } };
  }
  const fault = findFault(type, input, null);
  return fault === '' ? { code: 201, body: storage.put(type, input) } : { status: invalid(fault) };
}

/** PUT; with a resource version it must be the newest. */
export function answerReplace(storage: Storage, path: ObjectPath, input: ObjectInput): ObjectAnswer {
  const before = storage.get(path.type, keyOf(metadataOf(path)));
  if (before === null) return { status: notFound(path.type, path.name) };
  return store(storage, path, before, input);
}

/** A merge patch. `/status` ignores all but status, labels and annotations, and the main resource ignores the status. */
export function answerPatch(storage: Storage, path: ObjectPath, patch: Json): ObjectAnswer {
  const before = storage.get(path.type, keyOf(metadataOf(path)));
  if (before === null) return { status: notFound(path.type, path.name) };
  return store(storage, path, before, mergePatch(before, patch) as ObjectInput);
}

function store(storage: Storage, path: ObjectPath, before: StoredObject, input: ObjectInput): ObjectAnswer {
  const { resourceVersion, uid } = input.metadata;
  const stale = resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion;
  if (stale || (uid !== undefined && uid !== before.metadata.uid)) {
    return {
      status: {
        code: 409,
        reason: 'Conflict',
        message: `${path.name} was modified; please apply your changes to the latest version`,
      },
    };
  }
  const fault = findFault(path.type, input, before as unknown as Json);
  if (fault !== '') return { status: invalid(fault) };
  const key = keyOf(metadataOf(path));
  // The real one takes labels and annotations with the status.
  if (path.subresource === 'status') {
    return { code: 200, body: storage.putStatus(path.type, key, input['status'], input.metadata) };
  }
  const kept = before.status === undefined ? input : { ...input, status: before.status };
  return { code: 200, body: storage.put(path.type, kept) };
}

export function answerDelete(storage: Storage, path: ObjectPath): ObjectAnswer {
  const before = storage.get(path.type, keyOf(metadataOf(path)));
  if (before === null) return { status: notFound(path.type, path.name) };
  storage.delete(path.type, keyOf(metadataOf(path)));
  return { code: 200, body: before };
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJson(patch)) return patch;
  const merged: Record<string, unknown> = isJson(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}

function metadataOf({ namespace, name }: ObjectPath): ObjectMetadata {
  return namespace === '' ? { name } : { name, namespace };
}

function notFound(type: ResourceType, name: string): StatusOptions {
  return { code: 404, reason: 'NotFound', message: `${type.plural} "${name}" not found` };
}

function invalid(fault: string): StatusOptions {
  return { code: 422, reason: 'Invalid', message: fault };
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
