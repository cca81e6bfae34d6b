/** The shape of `src/`: who may import whom, which packages stay where, and how large a file may be. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

interface Folder {
  /** Folders it may import besides itself. */
  readonly folders: readonly string[];
  readonly packages: readonly string[];
}

const FOLDERS: Readonly<Record<string, Folder>> = {
  model: { folders: [], packages: [] },
  log: { folders: [], packages: ['pino'] },
  watch: { folders: ['model', 'log'], packages: ['@kubernetes/client-node', 're2js', 'undici', 'yaml', 'zod'] },
  config: { folders: ['model'], packages: ['re2js'] },
  router: { folders: ['model'], packages: ['re2js'] },
  balancer: { folders: ['model'], packages: [] },
  control: { folders: ['model', 'watch', 'config', 'live', 'log'], packages: [] },
  health: { folders: ['model', 'log'], packages: ['re2js'] },
  live: { folders: ['model', 'router', 'balancer', 'health', 'log'], packages: ['re2js'] },
  proxy: { folders: ['model', 'router', 'balancer', 'live', 'log'], packages: ['lru-cache', 'undici'] },
  metrics: { folders: ['model', 'balancer', 'live'], packages: ['prom-client'] },
  admin: { folders: ['model', 'live', 'metrics', 'log'], packages: [] },
  admission: { folders: ['model', 'config', 'log'], packages: [] },
  release: { folders: ['model', 'log'], packages: [] },
  cli: {
    folders: 'admin admission balancer config control health live log metrics model proxy release router watch'.split(
      ' ',
    ),
    packages: ['commander', 're2js', 'selfsigned', 'undici'],
  },
};

/** Same input, same output: no I/O, clock, randomness or environment. */
const PURE_FOLDERS: readonly string[] = ['model', 'config', 'router', 'balancer'];
const IMPURE = /\b(?:Date\.now|new Date\(\)|Math\.random|performance\.|process\.|setTimeout|setInterval|fetch)\b/;

const MAX_LINES = 400;
const SOURCE = path.resolve(import.meta.dirname, '../src');

interface SourceFile {
  /** Relative to `src/`, with `/`. */
  readonly name: string;
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const IMPORT = /(?:\bfrom |\bimport\(|^import )'([^'\s]+)'/gm;

function readSources(): readonly SourceFile[] {
  return globSync('**/*.ts', { cwd: SOURCE }).map((file) => {
    const name = file.replaceAll('\\', '/');
    const text = readFileSync(path.join(SOURCE, file), 'utf8');
    const imports = Array.from(text.matchAll(IMPORT), (match) => match[1] ?? '');
    return { name, folder: name.split('/')[0] ?? '', text, imports };
  });
}

const sources = readSources();

/** `../model/x.ts` in `live/y.ts` → `model/x.ts`; null for packages. */
function resolveRelative(file: SourceFile, specifier: string): string | null {
  return specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file.name), specifier) : null;
}

/** `@scope/name/sub` → `@scope/name`, `name/sub` → `name`. */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

test('there are sources in every folder of the table, and in no other', () => {
  assert.deepEqual([...new Set(sources.map(({ folder }) => folder))].toSorted(), Object.keys(FOLDERS).toSorted());
});

test('a folder imports only the folders it may know', () => {
  const faults: string[] = [];
  for (const file of sources) {
    for (const specifier of file.imports) {
      const target = resolveRelative(file, specifier);
      if (target === null) continue;
      const folder = target.split('/')[0] ?? '';
      const allowed = folder === file.folder || FOLDERS[file.folder]?.folders.includes(folder) === true;
      if (!allowed) faults.push(`${file.name} imports ${target}`);
    }
  }
  assert.deepEqual(faults, []);
});

test('a folder imports only the packages it may use', () => {
  const faults: string[] = [];
  for (const file of sources) {
    for (const specifier of file.imports) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      const name = packageOf(specifier);
      if (FOLDERS[file.folder]?.packages.includes(name) !== true) faults.push(`${file.name} imports ${name}`);
    }
  }
  assert.deepEqual(faults, []);
});

test('every relative import names a source file with its extension', () => {
  const names = new Set(sources.map(({ name }) => name));
  const faults: string[] = [];
  for (const file of sources) {
    for (const specifier of file.imports) {
      const target = resolveRelative(file, specifier);
      if (target !== null && !names.has(target)) faults.push(`${file.name} imports ${specifier}`);
    }
  }
  assert.deepEqual(faults, []);
});

test('folders do not import each other in a circle', () => {
  const edges = new Map<string, Set<string>>();
  for (const file of sources) {
    const targets = edges.get(file.folder) ?? new Set();
    edges.set(file.folder, targets);
    for (const specifier of file.imports) {
      const folder = resolveRelative(file, specifier)?.split('/')[0];
      if (folder !== undefined && folder !== file.folder) targets.add(folder);
    }
  }
  const findCircle = (folder: string, trail: readonly string[]): string | null => {
    if (trail.includes(folder)) return [...trail, folder].join(' → ');
    for (const next of edges.get(folder) ?? []) {
      const circle = findCircle(next, [...trail, folder]);
      if (circle !== null) return circle;
    }
    return null;
  };
  for (const folder of edges.keys()) assert.equal(findCircle(folder, []), null);
});

test('pure folders touch no clock, randomness, environment or Node module', () => {
  const faults: string[] = [];
  for (const { name, folder, text, imports } of sources) {
    if (!PURE_FOLDERS.includes(folder)) continue;
    for (const specifier of imports) if (specifier.startsWith('node:')) faults.push(`${name} imports ${specifier}`);
    const use = IMPURE.exec(text);
    if (use !== null) faults.push(`${name} uses ${use[0]}`);
  }
  assert.deepEqual(faults, []);
});

test(`no file is longer than ${MAX_LINES} lines, and each begins by saying what it is responsible for`, () => {
  const faults: string[] = [];
  for (const { name, text } of sources) {
    const lines = text.split('\n').length - 1;
    if (lines > MAX_LINES) faults.push(`${name} has ${lines} lines`);
    if (!/^(?:#![^\n]*\n)?\/[/*]/.test(text)) faults.push(`${name} does not begin with a comment`);
  }
  assert.deepEqual(faults, []);
});
