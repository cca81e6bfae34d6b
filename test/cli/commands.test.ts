/** `check` and `explain` from files and from an admin port, through the program as a user calls it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { dumpConfig } from '../../src/admin/dump-config.ts';
import { loadConfig } from '../../src/cli/load-config.ts';
import type { OutputStreams } from '../../src/cli/output.ts';
import { runProgram } from '../../src/cli/program.ts';
import { readCheckSettings } from '../../src/cli/settings.ts';
import { NULL_LOGGER } from '../../src/log/logger.ts';
import { endpointRow, workerStats } from '../support/worker-stats.ts';

const STATIC = `upstreams:
  shop: { endpoints: [ { address: 127.0.0.1:9001 } ] }
  next: { endpoints: [ { address: 127.0.0.1:9003 } ] }
routes:
  - host: shop.example
    path: { prefix: / }
    upstream: shop
    canaries:
      - { upstream: next, header: { name: X-Canary, value: always } }
`;

const MANIFESTS = `apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  ports: [ { port: 80 } ]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web, namespace: shop }
spec:
  rules:
    - host: shop.example
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: web, port: { number: 80 } } }
          - path: /lost
            pathType: Prefix
            backend: { service: { name: nowhere, port: { number: 80 } } }
`;

async function folder(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-cli-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  return path;
}

async function run(...args: readonly string[]): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const io: OutputStreams = {
    stdout: { write: (text) => void (written.stdout += text) },
    stderr: { write: (text) => void (written.stderr += text) },
  };
  return { exitCode: await runProgram(args, {}, io), ...written };
}

test('check of a clean file exits 0 with a summary', async (t: TestContext) => {
  const file = join(await folder(t, { 'a.yaml': STATIC }), 'a.yaml');
  assert.deepEqual(await run('check', '--config', file), {
    exitCode: 0,
    stdout: '0 rejected, 0 warnings; 1 route, 2 upstreams\n',
    stderr: '',
  });
});

test('check of a file with an error exits 1 and names file, line, column and field', async (t: TestContext) => {
  const file = join(await folder(t, { 'a.yaml': STATIC.replace('upstream: shop', 'upstraem: shop') }), 'a.yaml');
  const { exitCode, stdout } = await run('check', '--config', file);
  assert.equal(exitCode, 1);
  assert.ok(
    stdout.split('\n').some((line) => line.startsWith(`${file}:7:5: rejected config-unknown-key: `)),
    stdout,
  );
  assert.match(stdout, /\(routes\[0\]\.upstraem\)/);
});

test('check of a file that does not exist exits 2', async (t: TestContext) => {
  const path = await folder(t, {});
  for (const flag of ['--config', '--manifests']) {
    const { exitCode, stdout } = await run('check', flag, join(path, 'none'));
    assert.equal(exitCode, 2);
    assert.match(stdout, /file-unreadable/);
  }
});

test('check of manifests points into the file of the object', async (t: TestContext) => {
  const path = await folder(t, { 'k8s.yaml': MANIFESTS });
  const { stdout } = await run('check', '--manifests', path);
  const line = stdout.split('\n').find((each) => each.includes('nowhere')) ?? '';
  assert.ok(line.startsWith(join(path, 'k8s.yaml:20:33: ')), stdout);
  assert.match(line, /\(Ingress shop\/web, spec\.rules\[0\]\.http\.paths\[1\]\.backend/);
});

test('check --output json holds problems with locations, and counts', async (t: TestContext) => {
  const path = await folder(t, { 'k8s.yaml': MANIFESTS });
  const { stdout } = await run('check', '--manifests', path, '--output', 'json');
  const report: unknown = JSON.parse(stdout);
  assert.ok(typeof report === 'object' && report !== null && 'problems' in report && 'counts' in report);
  assert.ok(Array.isArray(report.problems));
  assert.ok(report.problems.length > 0);
  for (const problem of report.problems) assert.equal(problem.location.file, join(path, 'k8s.yaml'));
  assert.equal(Reflect.get(Object(report.counts), 'routes'), 2);
});

test('check shows what it understands of a release, once, and defaults as well', async (t: TestContext) => {
  const canary = 'canaries: [ { upstream: next, plan: { steps: [ { percent: 5, hold: 600s }, { percent: 100 } ] } } ]';
  const text = [
    'upstreams: { shop: { endpoints: [] }, next: { endpoints: [] } }',
    `routes: [ { upstream: shop, ${canary} }, { host: a.example, upstream: shop, ${canary} } ]`,
  ].join('\n');
  const file = join(await folder(t, { 'a.yaml': text }), 'a.yaml');
  const { stdout } = await run('check', '--config', file);
  const words = 'plan: 5%/10m, 100%; gates: errors <= +1%, requests >= 100';
  assert.equal(
    stdout,
    `release next: not begun, so it has no share; ${words}\n0 rejected, 0 warnings; 2 routes, 2 upstreams\n`,
  );
});

test('explain from a static file exits 0 and shows where the request goes', async (t: TestContext) => {
  const file = join(await folder(t, { 'a.yaml': STATIC }), 'a.yaml');
  const args = ['explain', '--config', file, '--url', 'http://shop.example/x', '-H', 'X-Canary: always'];
  const { exitCode, stdout } = await run(...args);
  assert.equal(exitCode, 0);
  assert.ok(stdout.includes(`${file}:5:5`), stdout);
  assert.match(stdout, /canary next: 100 %/);
});

test('explain of a request that no route takes exits 1', async (t: TestContext) => {
  const file = join(await folder(t, { 'a.yaml': STATIC }), 'a.yaml');
  const { exitCode, stdout } = await run('explain', '--config', file, '--url', 'http://other.example/');
  assert.equal(exitCode, 1);
  assert.match(stdout, /404/);
});

test('explain of a configuration with errors tells them and exits 2', async (t: TestContext) => {
  const file = join(await folder(t, { 'a.yaml': 'routes: [' }), 'a.yaml');
  const { exitCode, stdout, stderr } = await run('explain', '--config', file, '--url', 'http://a/');
  assert.deepEqual([exitCode, stdout], [2, '']);
  assert.match(stderr, /rejected config-syntax/);
});

test('explain --output json names route, split and verdicts', async (t: TestContext) => {
  const path = await folder(t, { 'k8s.yaml': MANIFESTS });
  const { exitCode, stdout } = await run(
    'explain',
    '--manifests',
    path,
    '--url',
    'http://shop.example/lost/x',
    '--output',
    'json',
  );
  assert.equal(exitCode, 0);
  const explanation: unknown = JSON.parse(stdout);
  assert.ok(typeof explanation === 'object' && explanation !== null);
  const route: unknown = Reflect.get(explanation, 'route');
  assert.equal(Reflect.get(Object(route), 'sourceField'), 'spec.rules[0].http.paths[1]');
  const verdicts: unknown = Reflect.get(explanation, 'verdicts');
  assert.ok(Array.isArray(verdicts) && verdicts.length === 2);
  assert.deepEqual(Reflect.get(explanation, 'answer'), { status: 503, reason: 'no endpoints' });
});

test('explain --admin asks a running process, health included', async (t: TestContext) => {
  const file = join(await folder(t, { 'a.yaml': STATIC }), 'a.yaml');
  const settings = readCheckSettings(new Map([['config', [file]]]), {});
  assert.ok('settings' in settings);
  const { config } = await loadConfig(settings.settings);
  assert.ok(config !== null);
  const sick = endpointRow('shop', '127.0.0.1:9001', { healthy: false, reason: 'connect ECONNREFUSED' });
  const admin = new AdminServer({
    bind: '127.0.0.1',
    port: 0,
    reusePort: false,
    logger: NULL_LOGGER,
    readiness: () => ({ ready: true, detail: {} }),
    metrics: () => Promise.resolve(''),
    dump: () => Promise.resolve(dumpConfig(config, [workerStats(1, { endpoints: [sick] })])),
    mirror: () => Promise.resolve({}),
    releases: () => ({}),
  });
  const port = await admin.listen();
  t.after(() => admin.close());
  const { exitCode, stdout } = await run(
    'explain',
    '--admin',
    `http://127.0.0.1:${port}`,
    '--url',
    'http://shop.example/',
  );
  assert.equal(exitCode, 0);
  assert.match(stdout, /127\.0\.0\.1:9001, weight 1, unhealthy: connect ECONNREFUSED/);
});

for (const [what, body, status] of [
  ['something that is no configuration', '{"routes":[]}', 200],
  ['something that is no JSON', '<html>', 200],
  ['an error', 'no', 500],
] as const) {
  test(`explain --admin that gets ${what} says so and exits 2`, async (t: TestContext) => {
    const stranger = createServer((_, response) => response.writeHead(status).end(body));
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    t.after(() => stranger.close());
    const { port } = stranger.address() as AddressInfo;
    const { exitCode, stderr } = await run('explain', '--admin', `http://127.0.0.1:${port}`, '--url', 'http://a/');
    assert.equal(exitCode, 2);
    assert.match(stderr, /^error: .*\/debug\/config/);
  });
}
