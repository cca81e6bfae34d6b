/**
 * What Kubernetes knows of an object's fields, from the typed models of the client (release 1.36): a field that is not there is
 * a typing error that API servers drop in silence.
 */
import * as client from '@kubernetes/client-node';
import type { Manifest } from './kustomize.ts';

interface Attribute {
  readonly baseName: string;
  /** `string`, `V1PodSpec`, `Array<V1Container>`, `{ [key: string]: string; }` and the like. */
  readonly type: string;
}

const models: ReadonlyMap<string, unknown> = new Map<string, unknown>(Object.entries(client));

function attributesOf(model: string): readonly Attribute[] | undefined {
  return (models.get(model) as { readonly attributeTypeMap?: readonly Attribute[] } | undefined)?.attributeTypeMap;
}

/** `apps/v1` and `Deployment` → `V1Deployment`; undefined for kinds that are no part of Kubernetes. */
export function modelNameOf({ apiVersion, kind }: Manifest): string | undefined {
  const version = apiVersion.split('/').at(-1) ?? '';
  const name = `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`;
  return attributesOf(name) === undefined ? undefined : name;
}

/** One line for each field that `model` does not have, or that has another type. */
export function schemaFaults(value: unknown, model: string, field = ''): readonly string[] {
  const list = /^Array<(.+)>$/.exec(model)?.[1];
  if (list !== undefined) {
    if (!Array.isArray(value)) return [`${field} is no list`];
    return value.flatMap((item: unknown, index) => schemaFaults(item, list, `${field}[${index}]`));
  }
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(model)?.[1];
  const attributes = attributesOf(model);
  if (map === undefined && attributes === undefined) return scalarFaults(value, model, field);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${field} is no object`];
  return Object.entries(value).flatMap(([key, content]) => {
    const path = field === '' ? key : `${field}.${key}`;
    const type = map ?? attributes?.find(({ baseName }) => baseName === key)?.type;
    return type === undefined ? [`${path} is not a field of ${model}`] : schemaFaults(content, type, path);
  });
}

function scalarFaults(value: unknown, type: string, field: string): readonly string[] {
  const allowed = type === 'IntOrString' ? ['number', 'string'] : [type];
  return allowed.includes(typeof value) || type === 'any' ? [] : [`${field} is no ${type}`];
}
