/**
 * Runs the end-to-end tests against a real API server, in a network namespace of their own where 10.77.0.0/16 is local:
 * API servers refuse loopback addresses in Endpoints, and the product has no switch to get around that.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { E2E_NAMESPACE_VARIABLE, envtestAssets } from '../support/e2e-environment.ts';

function fail(message: string): never {
  console.error(`end-to-end tests: ${message}`);
  process.exit(1);
}

/** Becomes `program`: passes signals on, and ends as it ends. */
function become(program: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
  const child = spawn(program, args, { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`cannot start ${program}: ${error.message}`));
  child.on('exit', (code) => process.exit(code ?? 1));
}

function enterNamespace(): void {
  for (const program of ['etcd', 'kube-apiserver']) {
    if (!existsSync(join(envtestAssets, program))) fail(`KUBEBUILDER_ASSETS=${envtestAssets} holds no ${program}`);
  }
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  become('unshare', ['--net', ...asRoot, ...self], { ...process.env, [E2E_NAMESPACE_VARIABLE]: '1' });
}

function runTests(): void {
  try {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    // On the loopback device one address makes its whole network local.
    execFileSync('ip', ['address', 'add', '10.77.0.1/16', 'dev', 'lo']);
  } catch (error) {
    fail(`cannot set up the network namespace: ${error instanceof Error ? error.message : String(error)}`);
  }
  const files = process.argv.slice(2);
  const wanted = files.length > 0 ? files : [join(import.meta.dirname, '**/*.test.ts')];
  // One file at a time: each starts servers of its own.
  become(process.execPath, ['--test', '--test-concurrency=1', '--test-timeout=300000', ...wanted], process.env);
}

if (envtestAssets === '') {
  console.log('end-to-end tests skipped: KUBEBUILDER_ASSETS names no directory with etcd and kube-apiserver');
} else if (process.env[E2E_NAMESPACE_VARIABLE] === undefined) {
  enterNamespace();
} else {
  runTests();
}
