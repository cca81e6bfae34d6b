/**
 * Builds the objects of a kustomization, as far as those in `deploy/` need it: resources, components, and JSON patches
 * (RFC 6902). Whatever else a file asks for is an error, so that nothing is left out silently.
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export interface Manifest {
  apiVersion: string;
  kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

interface Kustomization {
  readonly kind: string;
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly patches?: readonly {
    readonly target: { readonly kind: string; readonly name: string };
    readonly patch: string;
    readonly options?: { readonly allowKindChange?: boolean };
  }[];
}

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

const KEYS: readonly string[] = ['apiVersion', 'kind', 'resources', 'components', 'patches'];

/** `directory` holds a `kustomization.yaml`. */
export function buildKustomization(directory: string): readonly Manifest[] {
  const objects: Manifest[] = [];
  accumulate(directory, 'Kustomization', objects);
  const ids = objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);
  assert.deepEqual([...new Set(ids)], ids, 'an object is there twice');
  return objects;
}

function accumulate(directory: string, kind: string, objects: Manifest[]): void {
  const file = path.join(directory, 'kustomization.yaml');
  const kustomization: Kustomization = parse(readFileSync(file, 'utf8'));
  assert.equal(kustomization.kind, kind, file);
  for (const key of Object.keys(kustomization)) assert.ok(KEYS.includes(key), `${file}: ${key} is not understood`);
  for (const resource of kustomization.resources ?? []) {
    const target = path.join(directory, resource);
    if (statSync(target).isDirectory()) accumulate(target, 'Kustomization', objects);
    else objects.push(...readManifests(target));
  }
  for (const component of kustomization.components ?? []) {
    accumulate(path.join(directory, component), 'Component', objects);
  }
  for (const { target, patch, options } of kustomization.patches ?? []) {
    const object = objects.find(({ kind: found, metadata }) => found === target.kind && metadata.name === target.name);
    // kustomize passes over it in silence, and a patch without effect is a mistake of ours.
    assert.ok(object !== undefined, `${file}: there is no ${target.kind} ${target.name} to patch`);
    const operations: readonly Operation[] = parse(patch);
    for (const operation of operations) applyOperation(object, operation, file);
    assert.equal(object.kind !== target.kind, options?.allowKindChange ?? false, `${file}: options.allowKindChange`);
  }
}

export function readManifests(file: string): readonly Manifest[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    assert.deepEqual([...document.errors, ...document.warnings], [], file);
    const manifest: Manifest = document.toJS();
    return manifest;
  });
}

function applyOperation(object: Manifest, { op, path: pointer, value }: Operation, file: string): void {
  const where = `${file}: ${op} ${pointer}`;
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = steps.pop() ?? '';
  let holder: unknown = object;
  for (const step of steps) holder = toRecord(holder, where)[step];
  if (Array.isArray(holder) && op === 'add') {
    assert.equal(last, '-', `${where}: only the end of a list is understood`);
    holder.push(value);
    return;
  }
  const record = toRecord(holder, where);
  // An `add` that replaces what another component has put there would lose it.
  assert.equal(last in record, op !== 'add', where);
  if (op === 'remove') delete record[last];
  else if (op === 'add' || op === 'replace') record[last] = value;
  else assert.fail(`${where}: the operation is not understood`);
}

function toRecord(value: unknown, where: string): Record<string, unknown> {
  assert.ok(typeof value === 'object' && value !== null, `${where}: the path leads nowhere`);
  return value as Record<string, unknown>;
}
