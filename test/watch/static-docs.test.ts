/** The reference page and the JSON Schema file say what the schema says. `--test-update-snapshots` rewrites the latter. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { DEFAULT_HEALTH_CHECK } from '../../src/model/health-check.ts';
import { DEFAULT_UPSTREAM_POLICY } from '../../src/model/upstream-policy.ts';
import { isRecord } from '../../src/watch/narrow-object.ts';
import { STATIC_DEFAULTS } from '../../src/watch/static-file.ts';
import { staticConfigJsonSchema, staticFileSchema } from '../../src/watch/static-schema.ts';

const LINE_WIDTH = 120;
const REFERENCE = join(import.meta.dirname, '../../docs/reference');

/** `routes[].host`, or `routes[].host!` where it is required. */
function* keysOf(schema: unknown, path = ''): Generator<string> {
  if (!isRecord(schema)) return;
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const properties = isRecord(schema['properties']) ? schema['properties'] : {};
  for (const [key, value] of Object.entries(properties)) {
    const field = path === '' ? key : `${path}.${key}`;
    yield required.includes(key) ? `${field}!` : field;
    yield* keysOf(value, field);
  }
  yield* keysOf(schema['items'], `${path}[]`);
  yield* keysOf(schema['additionalProperties'], `${path}.*`);
}

test('the reference page has exactly the keys of the schema, the required ones in bold', async () => {
  const page = await readFile(join(REFERENCE, 'static-config.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\*\*)?`([^`]+)`/gm)].map(
    ([, bold, key]) => `${key}${bold === undefined ? '' : '!'}`,
  );
  assert.deepEqual(rows.toSorted(), [...keysOf(staticConfigJsonSchema())].toSorted());
});

test('the reference page names the defaults in force', async () => {
  const page = await readFile(join(REFERENCE, 'static-config.md'), 'utf8');
  const defaultOf = (key: string): string | undefined =>
    page
      .split('\n')
      .find((line) => line.includes(`\`${key}\`**`) || line.startsWith(`| \`${key}\``))
      ?.split('|')[3]
      ?.trim();
  const expected: readonly (readonly [string, string])[] = [
    ['upstreams.*.balancer', `\`${DEFAULT_UPSTREAM_POLICY.balancer}\``],
    ['upstreams.*.endpoints[].weight', String(STATIC_DEFAULTS.endpointWeight)],
    ['upstreams.*.healthCheck.interval', `\`${DEFAULT_HEALTH_CHECK.intervalMs / 1000}s\``],
    ['upstreams.*.healthCheck.timeout', `\`${DEFAULT_HEALTH_CHECK.timeoutMs / 1000}s\``],
    ['upstreams.*.healthCheck.unhealthyAfter', String(DEFAULT_HEALTH_CHECK.unhealthyAfter)],
    ['upstreams.*.healthCheck.healthyAfter', String(DEFAULT_HEALTH_CHECK.healthyAfter)],
    ['routes[].canaries[].weight', String(STATIC_DEFAULTS.canaryWeight)],
    ['routes[].canaries[].weightTotal', String(STATIC_DEFAULTS.canaryWeightTotal)],
  ];
  for (const [key, value] of expected) assert.equal(defaultOf(key), value, key);
});

test('the example on the reference page is valid', async () => {
  const page = await readFile(join(REFERENCE, 'static-config.md'), 'utf8');
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const value: unknown = parse(example);
  assert.ok(isRecord(value) && Object.keys(value).length === 3);
  assert.equal(staticFileSchema.safeParse(value).error, undefined);
});

test('every key of the schema has a description', () => {
  const schema = JSON.stringify(staticConfigJsonSchema());
  const keys = [...keysOf(staticConfigJsonSchema())];
  assert.ok(keys.length > 40);
  assert.equal(schema.match(/"description":/g)?.length, keys.length);
});

test('the JSON Schema file is what the schema exports', (t: TestContext) => {
  t.assert.fileSnapshot(staticConfigJsonSchema(), join(REFERENCE, 'config.schema.json'), {
    serializers: [toFormattedJson],
  });
});

/** As the formatter has it: lists of plain values on one line, where it is long enough. */
function toFormattedJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replaceAll(
    /^(.*\[)\n\s+("[^[\]{}]*?")\n\s+(\],?)$/gm,
    (whole: string, start: string, members: string, end: string) => {
      const line = `${start}${members.replaceAll(/\n\s+/g, ' ')}${end}`;
      return line.length > LINE_WIDTH ? whole : line;
    },
  );
  return `${text}\n`;
}
