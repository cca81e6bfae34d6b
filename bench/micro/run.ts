/**
 * Runs the micro benches: `node bench/micro/run.ts [part of a file or case name]…`. Each case has a process of its own,
 * because the types one case shows the compiler slow down every later case of the same process.
 */
import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BenchCase, type Measurement, measureCase } from './harness.ts';

const CASE_FLAG = '--case';

interface BenchModule {
  readonly cases: readonly BenchCase[];
}

async function loadCases(file: string): Promise<readonly BenchCase[]> {
  const module: BenchModule = await import(pathToFileURL(file).href);
  return module.cases;
}

async function runAll(filters: readonly string[]): Promise<void> {
  console.log(`node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}; best of several rounds`);
  let ran = 0;
  for (const file of globSync('*.bench.ts', { cwd: import.meta.dirname }).toSorted()) {
    const cases = await loadCases(`${import.meta.dirname}/${file}`);
    const wanted = selectCases(basename(file, '.bench.ts'), cases, filters);
    if (wanted.length > 0) runFile(file, wanted);
    ran += wanted.length;
  }
  if (ran === 0) throw new Error(`no bench case matches ${filters.join(' ')}; give a part of a file or case name`);
}

function selectCases(title: string, cases: readonly BenchCase[], filters: readonly string[]): readonly BenchCase[] {
  if (filters.length === 0 || filters.includes(title)) return cases;
  return cases.filter((one) => filters.some((filter) => `${title} ${one.name}`.includes(filter)));
}

/** Prints each case as soon as it is measured; a baseline is compared only if it ran before the case that names it. */
function runFile(file: string, cases: readonly BenchCase[]): void {
  const measured = new Map<string, Measurement>();
  const width = Math.max(...cases.map((one) => one.name.length));
  console.log(`\n${basename(file, '.bench.ts').padEnd(width)} ${'ns/op'.padStart(12)} ${'B/op'.padStart(10)}`);
  for (const one of cases) {
    const output = execFileSync(
      process.execPath,
      [import.meta.filename, CASE_FLAG, `${import.meta.dirname}/${file}`, one.name],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const result: Measurement = JSON.parse(output);
    measured.set(one.name, result);
    const baseline = one.baseline === undefined ? undefined : measured.get(one.baseline);
    const ratio = baseline === undefined ? '' : `  ${compare(baseline, result)} ${one.baseline}`;
    const numbers = `${result.nanoseconds.toFixed(1).padStart(12)} ${result.bytes.toFixed(1).padStart(10)}`;
    console.log(`${one.name.padEnd(width)} ${numbers}${ratio}`);
  }
}

function compare(baseline: Measurement, result: Measurement): string {
  const ratio = baseline.nanoseconds / result.nanoseconds;
  return ratio >= 1 ? `${ratio.toFixed(1)} x faster than` : `${(1 / ratio).toFixed(1)} x slower than`;
}

async function runCase(file: string, name: string): Promise<void> {
  const wanted = (await loadCases(file)).find((one) => one.name === name);
  if (wanted === undefined) throw new Error(`${file} has no bench case "${name}"`);
  process.stdout.write(JSON.stringify(measureCase(wanted)));
}

const [flag, file, name] = process.argv.slice(2);
if (flag === CASE_FLAG && file !== undefined && name !== undefined) await runCase(file, name);
else await runAll(process.argv.slice(2));
