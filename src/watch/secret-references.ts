/**
 * Which Secrets the objects of a snapshot may refer to. Which annotations name Secrets is the compiler's knowledge, so every
 * word that could be a name counts: one too many costs nothing, one too few would be missed.
 */
import { type ObjectKey, toObjectKey } from '../model/object-ref.ts';
import type { ObjectSnapshot } from '../model/object-snapshot.ts';

/** `namespace/name` and the longest name. */
const MAX_WORD = 63 + 1 + 253;
/** Annotations hold scripts and whole configuration files as well. */
const MAX_TEXT = 4_096;

export function findSecretReferences(snapshot: ObjectSnapshot): ReadonlySet<ObjectKey> {
  const found = new Set<ObjectKey>();
  for (const { namespace, annotations, tls } of snapshot.ingresses.values()) {
    for (const { secretName } of tls) found.add(toObjectKey(namespace, secretName));
    addWords(found, namespace, annotations);
  }
  for (const { namespace, annotations } of snapshot.services.values()) addWords(found, namespace, annotations);
  return found;
}

function addWords(found: Set<ObjectKey>, namespace: string, annotations: Readonly<Record<string, string>>): void {
  for (const value of Object.values(annotations)) {
    if (value.length > MAX_TEXT) continue;
    for (const part of value.split(',')) {
      const word = part.trim();
      if (word === '' || word.length > MAX_WORD) continue;
      found.add(word.includes('/') ? word : toObjectKey(namespace, word));
    }
  }
}
