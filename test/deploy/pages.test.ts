/** The pages of `docs/deploy`: what they link to, and the overlays, components and flags they name, are there. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { FLAGS } from '../../src/cli/flag-list.ts';
import { DEPLOY } from '../support/deployment.ts';

const PAGES = path.resolve(DEPLOY, '../docs/deploy');

interface Page {
  readonly name: string;
  readonly text: string;
  /** Contents of the fenced blocks of this language. */
  readonly blocks: (language: string) => readonly string[];
}

const pages: readonly Page[] = globSync('*.md', { cwd: PAGES }).map((name) => {
  const text = readFileSync(path.join(PAGES, name), 'utf8');
  const blocks = Array.from(text.matchAll(/^ *```(\w+)\n(.*?)^ *```$/gms));
  return {
    name,
    text,
    blocks: (language) => blocks.filter(([, each]) => each === language).map(([, , block]) => block ?? ''),
  };
});

/** Of the other programs in the examples. */
const FOREIGN_FLAGS =
  'all-namespaces build-arg cert cert-dir connect-to field-selector key manifests replicas reuse-values set silent tag type update-status version';

test('links lead somewhere', () => {
  assert.ok(pages.length >= 4);
  for (const { name, text } of pages) {
    for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)(?:#[\w-]+)?\)/g)) {
      assert.ok(existsSync(path.join(PAGES, target)), `${name}: ${target}`);
    }
  }
});

test('each overlay is described, and what is named of deploy/ is there', () => {
  const install = pages.find(({ name }) => name === 'install.md')?.text ?? '';
  for (const overlay of globSync('*', { cwd: path.join(DEPLOY, 'overlays') })) {
    assert.match(install, new RegExp(`^\\|.*\`${overlay}\``, 'm'), overlay);
  }
  const named = pages.flatMap(({ text }) =>
    Array.from(text.matchAll(/\b(?:overlays|components)\/[\w-]+/g), ([each]) => each),
  );
  assert.ok(named.length > 5);
  for (const each of named) assert.ok(existsSync(path.join(DEPLOY, each, 'kustomization.yaml')), each);
});

test('each flag of a command of sluice exists', () => {
  const known = new Set([...FLAGS.controller.map(({ name }) => name), ...FOREIGN_FLAGS.split(' ')]);
  const unknown = pages.flatMap(({ name, text }) =>
    Array.from(text.matchAll(/(?<=[\s`"'(])--([a-z][a-z-]+)/g), ([, flag = '']) => flag)
      .filter((flag) => !known.has(flag))
      .map((flag) => `${name}: --${flag}`),
  );
  assert.deepEqual(unknown, []);
});

test('examples are valid YAML', () => {
  const examples = pages.flatMap(({ blocks }) => blocks('yaml'));
  assert.ok(examples.length >= 4);
  for (const example of examples) {
    for (const document of parseAllDocuments(example)) assert.deepEqual(document.errors, [], example);
  }
});
