/** The entry point as a process of its own: exit codes, and what an old Node gets to see. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

interface Result {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runMain(args: readonly string[], nodeOptions: readonly string[] = []): Promise<Result> {
  const child = spawn(process.execPath, [...nodeOptions, MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { exitCode, stdout, stderr };
}

test('the exit code of the command becomes that of the process', async () => {
  const { exitCode, stdout, stderr } = await runMain(['--version']);
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.match(stdout, /^\d/);
  assert.equal((await runMain(['serve'])).exitCode, 2);
});

test('an older Node is told so in one line, and exits 1', async () => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } });
    Object.defineProperty(process, 'version', { value: 'v20.1.0' });`;
  const old = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`];
  const { exitCode, stdout, stderr } = await runMain(['--version'], old);
  assert.equal(exitCode, 1);
  assert.equal(stderr, 'sluice needs Node.js 26 or newer, this is v20.1.0\n');
  assert.equal(stdout, '');
});
