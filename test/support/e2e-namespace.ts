/**
 * Imported before an end-to-end test, moves its process into a network namespace of its own where 10.77.0.0/16 is local: API
 * servers refuse loopback addresses in Endpoints, and the product has no switch to get around that. Nor do tests that run at
 * the same time see each other there.
 */
import { execFileSync, spawn } from 'node:child_process';
import { E2E_NAMESPACE_VARIABLE } from './e2e-environment.ts';

function fail(message: string): never {
  console.error(`end-to-end tests: ${message}`);
  process.exit(1);
}

/** Becomes this process once more, in there: passes signals on, and ends as it ends. */
function enterNamespace(): Promise<never> {
  const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = { ...process.env, [E2E_NAMESPACE_VARIABLE]: '1' };
  const child = spawn('unshare', ['--net', ...asRoot, ...self], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(`cannot start unshare: ${error.message}`));
  child.on('exit', (code) => process.exit(code ?? 1));
  return new Promise(() => {});
}

function setUpNamespace(): void {
  // What a test started is taken away when its process exits, which it does not do when a signal ends it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  try {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    // On the loopback device one address makes its whole network local.
    execFileSync('ip', ['address', 'add', '10.77.0.1/16', 'dev', 'lo']);
  } catch (error) {
    fail(`cannot set up the network namespace: ${error instanceof Error ? error.message : String(error)}`);
  }
}

if (process.env[E2E_NAMESPACE_VARIABLE] === undefined) await enterNamespace();
else setUpNamespace();
