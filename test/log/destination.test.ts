/** Lines reach their destination complete and in order. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const MODULE = new URL('../../src/log/destination.ts', import.meta.url).href;

test('lines written right before the process exits arrive complete and in order', async () => {
  const script = `const { stdoutDestination } = await import(${JSON.stringify(MODULE)});
    for (let at = 0; at < 3000; at++) stdoutDestination().write(at + ' ' + 'x'.repeat(100) + '\\n');
    process.exit(0);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = (await text(child.stdout)).trimEnd().split('\n');
  assert.equal(lines.length, 3000);
  assert.ok(lines.every((line, at) => line === `${at} ${'x'.repeat(100)}`));
});
