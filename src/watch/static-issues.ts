/** Puts what the schema found into words: what stands there, what would be right, and which key was probably meant. */
import type { z } from 'zod';
import { isRecord, show } from './narrow-object.ts';
import { findNearestName } from './nearest-name.ts';
import { formatField, type StaticProblems } from './static-problems.ts';
import { staticConfigJsonSchema } from './static-schema.ts';

type Issue = z.core.$ZodIssue;

export function reportIssues(issues: readonly Issue[], problems: StaticProblems): void {
  const suggested = new Set<string>();
  const reported = new Set<string>();
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') reportUnknownKeys(issue, problems, suggested);
  }
  for (const issue of issues) {
    const field = formatField(issue.path);
    // A missing key that stands there misspelt has been reported, and so has a value with two faults.
    if (issue.code === 'unrecognized_keys' || suggested.has(field) || reported.has(field)) continue;
    reported.add(field);
    const form = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    const message = `${describeInput(issue.input)}; expected ${form}`;
    problems.add({ code: 'config-invalid', field, message, atKey: issue.code === 'invalid_key' });
  }
}

function describeInput(input: unknown): string {
  if (input === undefined) return 'is missing';
  if (input === null) return 'is empty';
  return isRecord(input) ? 'is a map' : `is ${show(input)}`;
}

function reportUnknownKeys(
  issue: Extract<Issue, { code: 'unrecognized_keys' }>,
  problems: StaticProblems,
  suggested: Set<string>,
): void {
  const known = knownKeys(issue.path);
  const present = isRecord(issue.input) ? Object.keys(issue.input) : [];
  for (const key of issue.keys) {
    const nearest = findNearestName(
      key,
      known.filter((name) => !present.includes(name)),
    );
    const hint = nearest === null ? `known here: ${known.join(', ')}` : `did you mean \`${nearest}\`?`;
    const field = formatField([...issue.path, key]);
    problems.add({
      code: 'config-unknown-key',
      field,
      message: `unknown key \`${shorten(key)}\`; ${hint}`,
      atKey: true,
    });
    if (nearest !== null) suggested.add(formatField([...issue.path, nearest]));
  }
}

function shorten(key: string): string {
  return show(key).slice(1, -1);
}

/** The keys of the map at `path`, by the JSON Schema. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let schema: unknown = staticConfigJsonSchema();
  for (const part of path) {
    if (!isRecord(schema)) return [];
    const properties = schema['properties'];
    if (typeof part === 'number') schema = schema['items'];
    else schema = isRecord(properties) ? properties[String(part)] : schema['additionalProperties'];
  }
  return isRecord(schema) && isRecord(schema['properties']) ? Object.keys(schema['properties']) : [];
}
