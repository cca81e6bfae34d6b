/** Selectors, as far as API servers have them for the resources we read. */
import type { StoredObject } from './storage.ts';

export function matchesSelector(object: StoredObject, selector: string | null): boolean {
  if (selector === null || selector === '') return true;
  return selector.split(',').every((term) => {
    const [field = '', value] = term.split('=');
    if (field.endsWith('!')) return !matchesSelector(object, `${field.slice(0, -1)}=${value}`);
    switch (field) {
      case 'metadata.name':
        return object.metadata.name === value;
      case 'metadata.namespace':
        return object.metadata.namespace === value;
      case 'type':
        return object.type === value;
      default:
        throw new Error(`the fake knows no field selector "${term}"`);
    }
  });
}

/** Equality only. */
export function matchesLabels({ metadata }: StoredObject, selector: string | null): boolean {
  if (selector === null || selector === '') return true;
  return selector.split(',').every((term) => {
    const [label = '', value = ''] = term.split('=');
    return metadata.labels?.[label] === value;
  });
}
