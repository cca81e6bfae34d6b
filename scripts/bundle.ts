/**
 * Builds the published program: `bundle/main.js` and `bundle/worker.js` with everything they need from `node_modules`, so that
 * it starts quickly and installs nothing else. The licences of what went in stand next to it.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const OUTPUT = join(ROOT, 'bundle');
const LICENCES = 'THIRD-PARTY-LICENSES.txt';

/**
 * CommonJS packages call `require` for Node's own modules, which ES modules do not have. `main.js` gets it too and stays
 * readable for every Node that knows ES modules, so that one which is too old can say so.
 */
const REQUIRE = [
  "import { createRequire as createRequireOfBundle } from 'node:module';",
  'const require = createRequireOfBundle(import.meta.url);',
].join('\n');

/**
 * `await import('a-commonjs-package')` has named exports in Node, but only `default` in what esbuild makes of it. A module in
 * between names them one by one.
 */
const namedDynamicImports: Plugin = {
  name: 'named-dynamic-imports',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind !== 'dynamic-import' || path.startsWith('node:')) return null;
      return { path, namespace: 'named-dynamic-imports' };
    });
    esbuild.onLoad({ filter: /./, namespace: 'named-dynamic-imports' }, async ({ path }) => {
      const names = Object.keys((await import(path)) as object).filter((name) => /^[\w$]+$/.test(name));
      return { contents: `export { ${names.join(', ')} } from '${path}';`, resolveDir: ROOT };
    });
  },
};

interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly text: string;
}

/** Directories of the packages that ended up in the bundle, relative to the repository. */
function packageDirectories({ outputs }: Metafile): readonly string[] {
  const directories = new Set<string>();
  for (const output of Object.values(outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(output.inputs)) {
      const match = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file);
      if (match !== null && bytesInOutput > 0) directories.add(match[0]);
    }
  }
  return [...directories].toSorted();
}

function readPackage(directory: string): BundledPackage {
  const path = join(ROOT, directory);
  const content = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Record<string, unknown>;
  const files = readdirSync(path).filter((name) => /^(?:licen[cs]e|notice)/i.test(name));
  return {
    name: String(content['name']),
    version: String(content['version']),
    licence: typeof content['license'] === 'string' ? content['license'] : 'see below',
    text: files.map((name) => readFileSync(join(path, name), 'utf8').trim()).join('\n\n'),
  };
}

function renderLicences(packages: readonly BundledPackage[]): string {
  const parts = packages.map(({ name, version, licence, text }) => `${name} ${version} (${licence})\n\n${text}\n`);
  const rule = `\n${'-'.repeat(80)}\n\n`;
  return `Sluice contains code of these packages.\n${rule}${parts.join(rule)}`;
}

rmSync(OUTPUT, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: { main: 'src/cli/main.ts', worker: 'src/cli/worker.ts' },
  outdir: 'bundle',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  plugins: [namedDynamicImports],
  banner: { js: REQUIRE },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});
const packages = packageDirectories(metafile).map(readPackage);
writeFileSync(join(OUTPUT, LICENCES), renderLicences(packages));
for (const entry of ['main.js', 'worker.js']) {
  if (!existsSync(join(OUTPUT, entry))) throw new Error(`the bundle has no ${entry}`);
}
const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
process.stdout.write(`bundle: ${(bytes / 1_048_576).toFixed(1)} MB from ${packages.length} packages\n`);
