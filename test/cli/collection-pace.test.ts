/** Flags of V8 come and go with its versions, and one it does not know has no effect. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { COLLECTION_FLAGS } from '../../src/cli/collection-pace.ts';

test('this V8 knows every flag', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  for (const flag of COLLECTION_FLAGS) {
    const [name = ''] = flag.replace('--no-', '--').split('=');
    assert.ok(known.includes(`  ${name} (`), flag);
  }
});
