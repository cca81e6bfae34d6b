/** Finds the keys under which two maps hold different objects. */
import type { ObjectKey } from '../model/object-ref.ts';

type Objects = ReadonlyMap<ObjectKey, object>;

/** By identity: what did not change is the same object in both. Costs a look-up for each entry, nothing for the same map. */
export function differingKeys(before: Objects, after: Objects): readonly ObjectKey[] {
  if (before === after) return [];
  const keys: ObjectKey[] = [];
  for (const [key, object] of after) if (before.get(key) !== object) keys.push(key);
  for (const key of before.keys()) if (!after.has(key)) keys.push(key);
  return keys;
}
