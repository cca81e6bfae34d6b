/** Every example passes `sluice check` without a warning, with the parts that are commented out as well. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeFallbackCertificate } from '../../src/cli/fallback-certificate.ts';
import { runProgram } from '../../src/cli/program.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

interface CheckResult {
  readonly exitCode: number;
  readonly output: string;
}

async function check(...args: readonly string[]): Promise<CheckResult> {
  let output = '';
  const stream = { write: (text: string) => (output += text) };
  const exitCode = await runProgram(['check', ...args], {}, { stdout: stream, stderr: stream });
  return { exitCode, output };
}

test('the example of a static configuration is clean', async () => {
  const { exitCode, output } = await check('--config', join(EXAMPLES, 'static/sluice.yaml'));
  assert.match(output, /^0 rejected, 0 warnings; 1 route, 2 upstreams$/m);
  assert.equal(exitCode, 0);
});

test('the example of a static configuration is clean with its HTTPS listener', async (t: TestContext) => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-example-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const { certPem, keyPem } = await makeFallbackCertificate();
  writeFileSync(join(directory, 'tls.crt'), certPem);
  writeFileSync(join(directory, 'tls.key'), keyPem);
  const text = readFileSync(join(EXAMPLES, 'static/sluice.yaml'), 'utf8');
  const enabled = text.replace(/^ {2}#- name: websecure\n(?: {2}# .*\n){3}/m, (lines) => lines.replaceAll('#', ''));
  assert.match(enabled, /^ {2}- name: websecure$/m);
  const file = join(directory, 'sluice.yaml');
  writeFileSync(file, enabled);
  const { exitCode, output } = await check('--config', file);
  assert.match(output, /^0 rejected, 0 warnings; 1 route, 2 upstreams$/m);
  assert.equal(exitCode, 0);
});

test('the manifests of the demo are clean', async () => {
  const { exitCode, output } = await check('--manifests', join(EXAMPLES, 'demo/manifests'));
  assert.match(output, /^0 rejected, 0 warnings; 1 route, 2 upstreams$/m);
  assert.equal(exitCode, 0);
});

test('no example is left out here', () => {
  assert.deepEqual(readdirSync(EXAMPLES).toSorted(), ['demo', 'static']);
});
