/** Runs the end-to-end tests, or the files named, against real API servers: each file in a network namespace of its own. */
import { existsSync, globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { envtestAssets } from '../support/e2e-environment.ts';
import { runTestFiles } from '../support/run-test-files.ts';

const TESTS = import.meta.dirname;
const ENTER_NAMESPACE = pathToFileURL(join(TESTS, '../support/e2e-namespace.ts')).href;
/** They wait longest, for what takes its time in a cluster: one that began last would run on alone. */
const FIRST = ['release-plans.test.ts', 'api-outages.test.ts', 'controller-leader.test.ts'];

function allFiles(): readonly string[] {
  const others = globSync('*.test.ts', { cwd: TESTS, exclude: FIRST }).toSorted();
  return [...FIRST, ...others].map((file) => join(TESTS, file));
}

const missing = ['etcd', 'kube-apiserver'].filter((program) => !existsSync(join(envtestAssets, program)));
if (envtestAssets === '') {
  console.log('end-to-end tests skipped: KUBEBUILDER_ASSETS names no directory with etcd and kube-apiserver');
} else if (missing.length > 0) {
  console.error(`end-to-end tests: KUBEBUILDER_ASSETS=${envtestAssets} holds no ${missing.join(' and no ')}`);
  process.exitCode = 1;
} else {
  const named = process.argv.slice(2);
  runTestFiles({
    files: named.length > 0 ? named : allFiles(),
    concurrency: availableParallelism(),
    timeoutMs: 600_000,
    execArgv: ['--import', ENTER_NAMESPACE],
  });
}
