/**
 * Every directory under `test/golden` holds objects (`in.yaml`) and what they compile to (`expected.json`). After a wanted
 * change run `npm run test:golden:update`, then read the diff.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile } from '../../src/config/compile.ts';
import { readGoldenCase, sortedJson, toGolden } from '../support/golden-case.ts';

const root = fileURLToPath(new URL('../golden/', import.meta.url));
const names = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

test('there are golden cases, each with its input', () => {
  assert.ok(names.length >= 20);
  for (const name of names) assert.ok(existsSync(`${root}${name}/in.yaml`), `${name} has no in.yaml`);
});

for (const name of names) {
  test(`golden case ${name}`, (t: TestContext) => {
    const yaml = readFileSync(`${root}${name}/in.yaml`, 'utf8');
    assert.match(yaml, /^# \S/, 'the first line says what the case proves');
    assert.ok(yaml.trimEnd().split('\n').length <= 60, 'a case shows one behaviour');
    const { snapshot, settings } = readGoldenCase(yaml);
    t.assert.fileSnapshot(toGolden(compile(snapshot, settings)), `${root}${name}/expected.json`, {
      serializers: [sortedJson],
    });
  });
}
